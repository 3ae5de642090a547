"""Runs a procedure from its journal, and knows who runs what."""
