"""What a process and a worker that it has started say to each other, as lines of JSON on two pipes of their own.

Nobody else has them: what an objective prints cannot get in between. The worker is told its task in one line, and that
pipe then stays open as long as the process lives that started it. The worker says, each time, one of:

    {"evaluating": 12}      it has begun to evaluate trial 12
    {"evaluating": null}    that has ended, or it is ready
    {"done": "..."}         it has ended, for this reason; null where the stage is done
    {"refused": "..."}      it cannot take part, or the search is to stop
    {"crashed": "..."}      a fault of archlab's, with the traceback
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

LONGEST = 65_536
"""Bytes that are read at a time."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is to do.

    Attributes:
        storage: the storage's address, which may hold a password; so it is on no command line.
        study: the study's name.
        objectives: those of the study that are code, and are to be run.
        timeout: seconds after which no evaluation is begun.
        stream: see ``open_search``; None for one of its own.
        several: whether there are others, so that what it prints needs a name.
    """

    storage: str
    study: str
    objectives: tuple[str, ...]
    timeout: float | None
    stream: int | None
    several: bool


def write_task(descriptor: int, task: Task) -> None:
    """Tell a worker its task."""
    os.write(descriptor, _line(asdict(task)))


def read_task(descriptor: int) -> Task:
    """Wait for the task.

    Raises:
        EOFError: whoever started this worker has ended.
    """
    text = b""
    while not text.endswith(b"\n"):
        more = os.read(descriptor, LONGEST)
        if not more:
            raise EOFError
        text += more
    task = json.loads(text)
    return Task(**{**task, "objectives": tuple(task["objectives"])})


def say(descriptor: int, what: str, value: Any) -> None:
    """Say something to the process that started this worker; where that has ended, nobody hears it."""
    line = _line({what: value})
    with contextlib.suppress(BrokenPipeError):
        while line:
            line = line[os.write(descriptor, line) :]


class Answers:
    """What a worker has said, as far as it is there.

    Args:
        descriptor: the pipe's end to read from; it is closed by ``close``.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._rest = b""

    def new(self) -> Iterator[tuple[str, Any]]:
        """Yield what has come since, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._descriptor, LONGEST):
                *lines, self._rest = (self._rest + more).split(b"\n")
                for line in lines:
                    yield from json.loads(line).items()

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode() + b"\n"
