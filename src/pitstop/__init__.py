"""pitstop ships an emergency fix to production, with a way back and a record."""

__version__ = "0.1.0"
