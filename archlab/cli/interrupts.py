"""Ctrl-C and SIGTERM in a command: the first ends it in good order, with exit code 130 or 143, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import click

from archlab.user_effects import end_process

_SHOW_CURSOR = b"\x1b[?25h"


class Interrupts:
    """The signal by which the user has interrupted a command, once he has."""

    def __init__(self) -> None:
        self._signal: int | None = None

    def handle(self, number: int, _: FrameType | None) -> None:
        """Interrupt what runs, or end the process where that was asked for before.

        Raises:
            KeyboardInterrupt: it is the first.
        """
        if self._signal is not None:
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)  # the line of progress hides it
            end_process(128 + number)
        self._signal = number
        raise KeyboardInterrupt

    def leave(self) -> NoReturn:
        """End the command as an interrupted one.

        Raises:
            SystemExit: always.
        """
        sys.exit(128 + (self._signal or signal.SIGINT))


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handle both signals while a command runs; one that is interrupted ends with a line and without a traceback."""
    found = Interrupts()
    before = {number: signal.signal(number, found.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield found
    except KeyboardInterrupt:
        click.echo("archlab: interrupted", err=True)
        found.leave()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
