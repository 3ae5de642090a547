"""Forges: where the code lives."""
