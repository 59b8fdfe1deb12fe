"""What a user may choose, and the defaults: known to the command line, which loads neither torch nor Optuna."""

SAMPLERS = ("screen", "tpe", "nsga2", "gp", "random")
"""Screening by a surrogate (ours), and Optuna's TPE (grouped), NSGA-II, Gaussian process and random draws."""
SAMPLER = "screen"
"""The default sampler."""
PRUNERS = ("halving", "median", "none")
KEEP = "25%"
"""The share of candidates that goes on to the next stage by default."""
MAX_DEATHS = 3
"""Deaths of workers at one network after which it is a failed candidate, by default."""
HEARTBEAT = 30
"""Seconds between a worker's signs of life on a database server, by default."""

TRIALS = 60
"""Candidates that a search evaluates unless another number is asked for."""
