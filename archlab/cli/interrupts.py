"""Ctrl-C and SIGTERM in a command: the first ends it in good order, with exit code 130 or 143, the second at once.

An objective can swallow the first, or take its time: then a line says that it was noticed, and what a second one does.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from archlab.cli.messages import say
from archlab.user_effects import end_process

SILENCE = 1.0
"""Seconds that an interrupted command may take to end before it says that it is about to."""

_SHOW_CURSOR = b"\x1b[?25h"
_NOTICED, _ENDED = b"n", b"e"


class Interrupts:
    """The signal by which the user has interrupted a command, once he has."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._reader, self._writer = os.pipe()
        threading.Thread(target=self._announce, name="interrupts", daemon=True).start()

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
        self._tell(_NOTICED)
        raise KeyboardInterrupt

    def end(self) -> None:
        """Have the thread end that waits for an interrupt."""
        self._tell(_ENDED)

    def _tell(self, what: bytes) -> None:
        with contextlib.suppress(OSError):  # an objective may close files that are not its own
            os.write(self._writer, what)

    def _announce(self) -> None:
        """Wait for an interrupt, and say so where the command goes on nevertheless.

        A handler may run between any two instructions, with any lock held: it only writes to a pipe.
        """
        with contextlib.suppress(OSError):
            if os.read(self._reader, 1) == _NOTICED:
                ended, _, _ = select.select([self._reader], [], [], SILENCE)
                if not ended:
                    say("interrupted: ends as soon as what runs lets it; Ctrl-C again ends it at once")
                    os.read(self._reader, 1)
            os.close(self._reader)
            os.close(self._writer)

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
        found.end()


@contextlib.contextmanager
def goes_on_from(place: Path) -> Iterator[None]:
    """Say, where the user interrupts what runs and ``place`` is there, that the same command goes on from it."""
    try:
        yield
    except KeyboardInterrupt:
        if os.path.exists(place):
            say(f"{place} has the state: the same command goes on from it")
        raise
