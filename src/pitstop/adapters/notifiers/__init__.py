"""Ways to reach an audience."""
