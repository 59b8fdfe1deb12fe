"""A line on standard error that says what a command is doing: on a terminal, after one second, and gone at the end."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from archlab.errors import printable

_PATIENCE = 1.0
"""Seconds before the line appears."""

_EVERY = 0.2
"""Seconds between two looks of the line."""

_ERASE = "\r\x1b[K"


class _Line:
    """The line, and a stream in front of it: what is printed meanwhile takes its place, and it follows below."""

    def __init__(self, stream: Any, doing: str) -> None:
        self._stream, self._doing, self._began = stream, doing, monotonic()
        self._lock = threading.RLock()  # a signal's handler may print while the main thread does
        self._is_drawn, self._at_start = False, True
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, doing: str) -> None:
        self._doing = doing

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
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

    def _run(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads: then there is nothing to show
            wait = _PATIENCE
            while not self._ended.wait(wait):
                wait = _EVERY
                with self._lock:
                    self._draw()

    def _draw(self) -> None:
        if not self._at_start:  # somebody has begun a line
            return
        text = printable(f"{self._doing}  {monotonic() - self._began:.0f} s")
        width = max(shutil.get_terminal_size().columns - 1, 1)
        self._stream.write(_ERASE + text[:width])
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
    if stream is None or not stream.isatty():
        yield lambda _: None
        return
    line, stdout = _Line(stream, doing), sys.stdout
    sys.stderr = line  # it does all that a stream does
    if stdout is stream:  # where standard output is for results alone
        sys.stdout = sys.stderr
    try:
        yield line.say
    finally:
        sys.stderr, sys.stdout = stream, stdout
        line.end()
