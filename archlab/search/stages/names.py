"""What a user may choose, readable without loading Optuna."""

PRUNERS = ("halving", "median", "none")
KEEP = "25%"
"""The share that goes on to the next stage where nothing is said."""
