"""What a command is doing, on standard error: a line on a terminal after one second, which is gone at the end.

Where standard error is no terminal, as in a log, it is a line of its own every 30 seconds. With ``--quiet`` it is
neither.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from archlab.cli.quiet import is_quiet
from archlab.errors import printable
from archlab.units import format_seconds

_PATIENCE = 1.0
"""Seconds before the line appears on a terminal."""

_EVERY = 0.2
"""Seconds between two looks of the line."""

_IN_LOGS = 30.0
"""Seconds between two lines where there is no terminal."""

_ERASE = "\r\x1b[K"


class Clock:
    """The clock that lines go by."""

    def now(self) -> float:
        """Return seconds since some moment."""
        return monotonic()

    def wait(self, ended: threading.Event, seconds: float) -> bool:
        """Wait for ``seconds`` or until ``ended`` is set, and return whether it is."""
        return ended.wait(seconds)


_CLOCK = Clock()


class _Beat:
    """Something that is shown again and again by a thread of its own, until it ends."""

    def __init__(self, stream: Any, doing: str, first: float, every: float) -> None:
        self._stream, self._doing, self._clock = stream, doing, _CLOCK
        self._began, self._first, self._every = self._clock.now(), first, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, doing: str) -> None:
        self._doing = doing

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _passed(self) -> str:
        return format_seconds(max(1, round(self._clock.now() - self._began)))

    def _show(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads: then there is nothing to show
            wait = self._first
            while not self._clock.wait(self._ended, wait):
                wait = self._every
                self._show()


class _Log(_Beat):
    """Lines in a log: each is whole, and stays."""

    def _show(self) -> None:
        self._stream.write(f"archlab: {printable(self._doing)} ({self._passed()})\n")
        self._stream.flush()


class _Line(_Beat):
    """The line, and a stream in front of it: what is printed meanwhile takes its place, and it follows below."""

    def __init__(self, stream: Any, doing: str, first: float, every: float) -> None:
        self._lock = threading.RLock()  # a signal's handler may print while the main thread does
        self._is_drawn, self._at_start = False, True
        super().__init__(stream, doing, first, every)

    def end(self) -> None:
        super().end()
        with self._lock:
            self._erase()
            self.flush()

    def write(self, text: str) -> int:
        with self._lock:
            self._erase()
            self._at_start = text.endswith("\n") if text else self._at_start
            written: int = self._stream.write(text)
            return written

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _show(self) -> None:
        with self._lock:
            if not self._at_start:  # somebody has begun a line
                return
            width = max(shutil.get_terminal_size().columns - 1, 1)
            self._stream.write(_ERASE + printable(f"{self._doing}  {self._passed()}")[:width])
            self._is_drawn = True
            self.flush()

    def _erase(self) -> None:
        if self._is_drawn:
            self._stream.write(_ERASE)
        self._is_drawn = False


@contextlib.contextmanager
def progress(doing: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done meanwhile; say something else with the function that this yields."""
    stream = sys.stderr
    if stream is None or is_quiet():
        yield lambda _: None
    elif stream.isatty():
        with _on_terminal(stream, doing) as say:
            yield say
    else:
        log = _Log(stream, doing, _IN_LOGS, _IN_LOGS)
        try:
            yield log.say
        finally:
            log.end()


@contextlib.contextmanager
def _on_terminal(stream: Any, doing: str) -> Iterator[Callable[[str], None]]:
    line, stdout = _Line(stream, doing, _PATIENCE, _EVERY), sys.stdout
    sys.stderr = line  # it does all that a stream does
    if stdout is stream:  # where standard output is for results alone
        sys.stdout = sys.stderr
    try:
        yield line.say
    finally:
        sys.stderr, sys.stdout = stream, stdout
        line.end()
