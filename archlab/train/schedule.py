"""The learning rate over a training: it rises, then falls along a cosine."""

from __future__ import annotations

import math


def rate_factor(done: float, warmup: float) -> float:
    """Return what the highest rate is multiplied by, where a share ``done`` of the training is over.

    It rises in a line over the share ``warmup``, then falls to 0 along half a cosine (Loshchilov and Hutter 2017,
    arXiv:1608.03983, equation 5, without restarts).

    >>> [round(rate_factor(done, 0.2), 3) for done in (0.05, 0.1, 0.2, 0.6, 1.0)]
    [0.25, 0.5, 1.0, 0.5, 0.0]
    """
    if done < warmup:
        return done / warmup
    if warmup >= 1:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))
