"""A storage whose write number k meets a fault: a full disk, Ctrl-C, or the end of the process.

It is put around the storage of a search in a process that is forked for it, and leaves lines of what the search has
come to: which evaluations have begun and ended, and which records the storage has taken.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

RECORD = "archlab:trial"

WRITES = (
    "create_new_study",
    "set_study_user_attr",
    "set_study_system_attr",
    "create_new_trial",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "set_trial_intermediate_value",
)
"""What counts as a write of a storage; heartbeats come by the clock, and are left out."""

KINDS = {
    "full disk": "the write and all later ones raise ENOSPC",
    "full disk, once": "the write raises ENOSPC, later ones do not",
    "half a record": "half of the record reaches the file, then the write and all later ones raise ENOSPC",
    "Ctrl-C before": "KeyboardInterrupt before the write",
    "Ctrl-C after": "KeyboardInterrupt after the write",
    "killed before": "the process ends before the write",
    "killed half way": "half of the record reaches the file, then the process ends",
    "killed after": "the process ends after the write",
}
"""How a write fails. Those with half a record need a file that is appended to."""

HALF = ("half a record", "killed half way")

IN_A_TRIAL = 7
"""The first write within the first trial of a search, which has begun it by then: no other worker can take it."""

KILLED = 9
"""The exit code of a process that a fault ends."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at write ``at``, counted from 1."""

    kind: str
    at: int


class Events:
    """Lines that processes append to a file, each whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write = os.write  # before anything stands in for it

    def add(self, word: str, digest: str) -> None:
        """Append a line."""
        file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        self._write(file, f"{word} {digest}\n".encode())
        os.close(file)

    def read(self) -> list[tuple[str, str]]:
        """Return all lines in order, as words and digests."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return [(line.split()[0], line.split()[1]) for line in lines]


class Saboteur:
    """Counts the writes of a storage; one of them meets ``fault``, and at the write ``start`` other workers begin.

    They begin by ``at_start``; there they find a trial that this worker has begun, or a write before that under way.
    """

    def __init__(self, fault: Fault | None, events: Events, at_start: Callable[[], None] = lambda: None) -> None:
        self.writes = 0
        self._fault = fault
        self._events = events
        self._is_half = False
        self._at_start = at_start
        self._start = min(fault.at, IN_A_TRIAL) if fault is not None else IN_A_TRIAL

    def surround(self, storage: BaseStorage) -> None:
        """Stand around every method of ``storage`` that writes."""
        for name in WRITES:
            setattr(storage, name, functools.partial(self._call, name, getattr(storage, name)))
        if self._fault is not None and self._fault.kind in HALF:
            os.write = functools.partial(self._write, os.write)

    def _call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.writes += 1
        if self.writes == self._start:
            self._at_start()
        kind = self._fault.kind if self._fault is not None and self.writes == self._fault.at else ""
        if kind == "killed before":
            os._exit(KILLED)
        if kind == "Ctrl-C before":
            raise KeyboardInterrupt
        if kind == "full disk, once" or self._is_full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_half = kind in HALF
        result = method(*args, **kwargs)
        if digest := _recorded(name, args, kwargs):
            self._events.add("recorded", digest)
        if kind == "killed after":
            os._exit(KILLED)
        if kind == "Ctrl-C after":
            raise KeyboardInterrupt
        return result

    def _is_full(self) -> bool:
        if self._fault is None:
            return False
        first = {"full disk": self._fault.at, "half a record": self._fault.at + 1}.get(self._fault.kind)
        return first is not None and self.writes >= first

    def _write(self, write: Callable[[int, Any], int], file: int, data: bytes) -> int:
        if not self._is_half:
            return write(file, data)
        self._is_half = False
        write(file, bytes(data)[: len(data) // 2])
        if self._fault is not None and self._fault.kind == "killed half way":
            os._exit(KILLED)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _recorded(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return objective and network of the record that a write has brought into the storage; None for other writes."""
    given = [*args, *kwargs.values()]
    record: Any = None
    if name == "set_trial_user_attr" and RECORD in given:
        record = given[-1]
    elif name == "create_new_trial" and len(given) > 1 and given[1] is not None:
        record = given[1].user_attrs.get(RECORD)
    if not isinstance(record, dict) or record.get("state") != "scored":
        return None
    return f"{next(iter(record['values']))}:{record['digest']}"
