"""Platforms: where the service runs."""
