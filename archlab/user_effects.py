"""What a user's code may do to the process that it runs in, and what is made of it: leave it, or change its folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from os import _exit as end_process
from pathlib import Path

__all__ = ["end_process", "kept_folder", "refused_exits"]


@contextlib.contextmanager
def refused_exits() -> Iterator[list[str]]:
    """Let ``os._exit`` raise SystemExit meanwhile, and yield its calls, each with its place: ``os._exit(0) (a.py:7)``.

    Processes that are forked meanwhile end by it as ever. One that returns to its parent's code instead ends here:
    there would be two of the parent.
    """
    process, calls = os.getpid(), list[str]()

    def refuse(status: int) -> None:
        if os.getpid() != process:
            end_process(status)
        caller = sys._getframe(1)
        calls.append(f"os._exit({status}) ({Path(caller.f_code.co_filename).name}:{caller.f_lineno})")
        raise SystemExit(status)

    before = os._exit
    os._exit = refuse  # type: ignore[assignment]
    try:
        yield calls
    finally:
        os._exit = before
        if os.getpid() != process:
            end_process(1)


@contextlib.contextmanager
def kept_folder(inside: Path | None = None) -> Iterator[None]:
    """Put the working folder back afterwards, also where it has another name by then.

    Args:
        inside: the working folder meanwhile; None for the same.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # one that may not be read cannot be come back to
            folder = os.open(".", os.O_RDONLY)
            stack.callback(os.close, folder)
            stack.callback(os.fchdir, folder)
        if inside is not None:
            os.chdir(inside)
        yield
