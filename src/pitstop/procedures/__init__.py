"""The procedures: plain functions that read like the runbook."""
