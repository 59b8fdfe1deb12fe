"""That something ends soon, measured by what it does and not by the clock of a machine that may be slow or busy."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

CALLS = 20_000_000
"""Calls of functions, Python's and C's; the most that a right answer takes in these tests is 9 million."""

PROCESSOR_SECONDS = 120
"""CPU time of this process, for what takes long inside of one call; what is right takes a few seconds."""


class TooManyCallsError(BaseException):
    """What ran did not end; no ``except Exception`` of its own stops it."""


@contextmanager
def ends_soon(calls: int = CALLS) -> Iterator[None]:
    """Stop what runs inside at its ``calls``-th call, and fail where it took minutes of the processor.

    The count is the same on every run of one version of Python, whatever else the machine does.
    """
    left, before, start = calls, sys.getprofile(), time.process_time()

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            sys.setprofile(None)
            raise TooManyCallsError(f"not done after {calls:,} calls and returns")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert time.process_time() - start < PROCESSOR_SECONDS


@contextmanager
def ends_in_processor_time(seconds: float = PROCESSOR_SECONDS) -> Iterator[None]:
    """Stop what runs inside once it took ``seconds`` of the processor: for many short calls, without counting each."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooManyCallsError(f"not done after {seconds:g} seconds of the processor")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def count_calls(action: Callable[[], object]) -> int:
    """How many functions, Python's and C's, are called and returned from while ``action`` runs."""
    calls, before = 0, sys.getprofile()

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return calls


class Compared(str):
    """A text that counts how often one of its kind is compared with another, which no count of calls shows in C."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def __str__(self) -> str:
        return self


class ComparedNumber(int):
    """A number that counts how often one of its kind is compared with another."""

    times = 0

    def __eq__(self, other: object) -> bool:
        ComparedNumber.times += 1
        return int.__eq__(self, other)

    __hash__ = int.__hash__
