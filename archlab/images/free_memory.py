"""How much memory this process may still take, so that what will not fit is refused before it is begun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Of a container: what it may have and what it has, in the two versions of Linux's control groups."""


def free_memory() -> int | None:
    """Return the bytes that are free, within a container's limit where there is one; None where nothing says so.

    Linux's MemAvailable counts what caches would give back. Elsewhere it is the whole memory of the machine.
    """
    return min(_bounds(), default=None)


def _bounds() -> Iterator[int]:
    available = [line.split() for line in _read("/proc/meminfo").splitlines() if line.startswith("MemAvailable:")]
    if available:
        yield int(available[0][1]) * 1024
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for most, taken in _LIMITS:
        limit, used = _read(most).strip(), _read(taken).strip()
        if limit.isdecimal() and used.isdecimal():
            yield max(0, int(limit) - int(used))


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
