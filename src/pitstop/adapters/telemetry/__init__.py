"""Telemetry: users' requests, counted."""
