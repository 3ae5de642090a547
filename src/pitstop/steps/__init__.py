"""Durable steps: each looks whether its work is already there, then acts."""
