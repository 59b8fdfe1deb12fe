"""Ctrl-C and SIGTERM, noticed also where another takes the exception that they raise."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass
class Interrupt:
    """Whether the user wants to be gone. Not an Event: a signal may come while its lock is held."""

    noticed: bool = False


@contextlib.contextmanager
def noticed_interrupts() -> Iterator[Interrupt]:
    """Yield what shows whether Ctrl-C or SIGTERM has come; both do besides what they did before.

    Optuna's loop catches the exception of an interrupt, and goes on to the storage. In a thread that is not the main
    one, and for a signal that Python does not handle, nothing is noticed.
    """
    interrupt = Interrupt()
    ours: dict[signal.Signals, tuple[Callable[..., Any], Callable[..., Any]]] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if callable(before):
                ours[number] = (_noticing(interrupt, before), before)
                signal.signal(number, ours[number][0])
    try:
        yield interrupt
    finally:
        for number, (handler, before) in ours.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, before)


def _noticing(interrupt: Interrupt, before: Callable[..., Any]) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        interrupt.noticed = True
        before(number, frame)

    return handle
