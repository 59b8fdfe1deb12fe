"""What the samplers are called, for the command line, which imports none of them."""

DEFAULT = "screen"
SAMPLERS = ("screen", "tpe", "nsga2", "gp", "random")
"""Screening by a surrogate (ours), and Optuna's TPE (grouped), NSGA-II, Gaussian process and random draws."""
