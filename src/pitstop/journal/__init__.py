"""The record of a run: appended, chained, never changed. It is what the run continues from."""
