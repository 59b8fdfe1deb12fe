"""What this machine can do at most, as it was measured: arithmetic, and bytes to and from memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from archlab.measured import Roof

SIDE, FLOATS, RUNS = 1024, 1 << 24, 5
"""Of the matrices that are multiplied; of the copy, 64 MiB, more than a cache holds; how often each, the best of which
counts."""

Clock = Callable[[], float]


def measure_roof(clock: Clock = time.perf_counter) -> Roof:
    """Return what a matrix product and a copy reach, in fp32, on as many threads as torch has.

    The roofs of Williams et al. 2009, "Roofline: an insightful visual performance model" (doi:10.1145/1498765.1498785),
    with what is reached in place of what is stated.
    """
    left, right, product = (torch.ones(SIDE, SIDE) for _ in range(3))
    given, copy = torch.ones(FLOATS), torch.ones(FLOATS)
    multiplied = _least(lambda: torch.mm(left, right, out=product), clock)
    copied = _least(lambda: copy.copy_(given), clock)
    return Roof(2 * SIDE**3 / multiplied, 2 * given.nbytes / copied, torch.get_num_threads())


def _least(run: Callable[[], object], clock: Clock) -> float:
    seconds = []
    for _ in range(RUNS + 1):
        before = clock()
        run()
        seconds.append(clock() - before)
    return max(min(seconds[1:]), 1e-9)
