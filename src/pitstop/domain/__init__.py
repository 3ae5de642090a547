"""Frozen values: what the procedure talks about. Plain JSON data only, times in RFC 3339."""
