"""Ways to meet the ports: one folder per family, one file per provider."""
