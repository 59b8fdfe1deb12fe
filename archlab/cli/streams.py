"""Standard output and error that never break a command off: what cannot be written is remembered, and said at the end.

A closed pipe (``| head``) means that the reader has all that it wants; a full disk means that the result is lost.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Output(io.FileIO):
    """A file descriptor of which the first write that fails is kept, and what comes after it is dropped."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        while self.failure is None:
            try:
                written: int | None = super().write(data)
            except OSError as error:
                self.failure = error
            else:
                if written is not None:
                    return written
                select.select([], [self], [])  # whoever shares the other end has made it non-blocking
        return size


def guard_output() -> Callable[[], OSError | None]:
    """Put streams that remember in place of this process's own.

    Characters that a terminal does not know become question marks.

    Returns:
        what flushes standard output and returns why something of it was lost, or None; a closed pipe loses nothing.
    """
    _open_closed_descriptors()
    sys.stderr = _stream(sys.stderr, sys.__stderr__, 2)
    sys.stdout = _stream(sys.stdout, sys.__stdout__, 1)

    def lost() -> OSError | None:
        sys.stdout.flush()
        failure = getattr(getattr(sys.stdout.buffer, "raw", None), "failure", None)
        return failure if failure is not None and failure.errno != errno.EPIPE else None

    return lost


def _open_closed_descriptors() -> None:
    """Give descriptors that whoever began this process has closed to the null device, or the next file gets them."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Nothing can be written to 1 then, so that a result which nobody gets is noticed.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR)


def _stream(stream: TextIO | None, original: TextIO | None, descriptor: int) -> TextIO:
    if stream is not None and stream is not original:  # somebody's who captures what is printed
        return stream
    is_error = descriptor == 2
    raw = _Output(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="replace",
        line_buffering=is_error or raw.isatty(),
    )
