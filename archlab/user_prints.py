"""What a user's code prints: it goes to standard error, spoils no result, and never ends an evaluation."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

STDOUT, STDERR = 1, 2
"""The descriptors, which a process's children and its code in C have too."""

LONGEST = 65_536
"""Characters of a line that is not yet at its end that are kept; more are handed on as a line."""


@contextlib.contextmanager
def prints_on_stderr() -> Iterator[None]:
    """Send to standard error what is printed to standard output meanwhile: by Python, by C or by a child process."""
    kept = _take_stdout()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _give_back_stdout(kept)


class ResultsOnly:
    """Standard output for a command's results alone, while it is entered and until the process ends.

    All else that is printed goes to standard error: also by threads, and by what a user's module does at the exit.
    """

    def __enter__(self) -> Self:
        self._stdout = sys.stdout
        # Where a test runner has put its own stream there, nothing printed to the descriptor can get into it.
        self._is_descriptors = _descriptor_of(self._stdout) == STDOUT
        self._kept = _take_stdout() if self._is_descriptors else None
        sys.stdout = sys.stderr
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._kept is None or kind is not None:
            self._give_back()

    @contextlib.contextmanager
    def given_back(self) -> Iterator[None]:
        """Let results be printed meanwhile; what cannot be written is the caller's error, as without all this."""
        self._give_back()
        yield
        if self._stdout is not None:
            self._stdout.flush()
        if self._is_descriptors:
            self._kept = _take_stdout()

    def _give_back(self) -> None:
        _give_back_stdout(self._kept)
        self._kept = None
        sys.stdout = self._stdout


def _descriptor_of(stream: Any) -> int | None:
    try:
        descriptor: int = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
    return descriptor


def _take_stdout() -> int | None:
    """Let standard output's descriptor be standard error's; return a copy of what it was, None where it was none."""
    _flush()
    try:
        kept = os.dup(STDOUT)
    except OSError:
        return None
    try:
        os.dup2(STDERR, STDOUT)
    except OSError:  # there is no standard error
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), STDOUT)
    return kept


def _give_back_stdout(kept: int | None) -> None:
    if kept is not None:
        _flush()
        os.dup2(kept, STDOUT)
        os.close(kept)


def _flush() -> None:
    """Write out what Python and C still hold of standard output, where it belongs to now."""
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and _descriptor_of(stream) == STDOUT:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)


class Prints:
    """A stream that hands on what is printed to another, and forgets what that cannot write.

    Args:
        head: what to put before each line; where it is something, lines are handed on whole, and of one that a carriage
            return begins again the last version alone.
    """

    def __init__(self, stream: Any, head: Callable[[], str] | None = None) -> None:
        self._stream = stream
        self._head = head
        self._of_thread = threading.local()

    def write(self, text: str) -> int:
        """Hand on ``text``; return its length, whatever became of it."""
        head = self._head() if self._head is not None else ""
        if not head:
            return self._hand_on(text)
        *lines, rest = (getattr(self._of_thread, "rest", "") + text).split("\n")
        rest = _last_version(rest)
        if len(rest) > LONGEST:
            lines, rest = [*lines, rest], ""
        self._of_thread.rest = rest
        if lines:
            # One write, so that lines of several processes do not mix, but for those longer than a pipe's page.
            self._hand_on("".join(f"{head}{_last_version(line)}\n" for line in lines))
        return len(text)

    def finish_line(self) -> None:
        """Hand on what this thread has printed and not ended with a newline."""
        if getattr(self._of_thread, "rest", ""):
            self.write("\n")

    def flush(self) -> None:
        """Have the other stream written out."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def _hand_on(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # broken or full; closed, or without such characters
            self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _last_version(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


@contextlib.contextmanager
def forgiving_prints() -> Iterator[None]:
    """Let a print that fails be no error meanwhile: what is judged is not whether somebody reads."""
    with (
        contextlib.redirect_stdout(_forgiving(sys.stdout)),
        contextlib.redirect_stderr(_forgiving(sys.stderr)),
    ):
        yield


def _forgiving(stream: Any) -> Any:
    return stream if stream is None or isinstance(stream, Prints) else Prints(stream)
