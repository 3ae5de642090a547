"""The sample service of ``pitstop demo``: a small shop with a real bug, its tests, its customers."""
