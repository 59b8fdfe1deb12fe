"""What seconds are read from."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def clock_for(threads: int) -> Clock:
    """Return the clock for work on so many threads of the processor.

    On one, its own time on the processor, in which nothing is of other processes; on several, the wall's.
    """
    return time.thread_time if threads == 1 else time.perf_counter


def cost_of(clock: Clock, looks: int = 1001) -> float:
    """Return the seconds between two looks at a clock: the median."""
    spans = sorted(-clock() + clock() for _ in range(looks))
    return spans[looks // 2]
