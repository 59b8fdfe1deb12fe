"""What a search or a benchmark runs on: the processor and the versions of packages, without the machine's name."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("archlab", "torch", "fvcore", "optuna", "networkx", "plotly")
"""The packages whose versions a search records."""


def machine() -> dict[str, str | int]:
    """Return the processor's model as ``cpu``, how many of its ``cores`` this process may use, and the ``system``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cpu": _processor(), "cores": cores, "system": platform.system()}


def machine_line() -> str:
    """Return the machine in one line, as a search records it."""
    found = machine()
    return f"{found['cpu']}, {found['cores']} cores, {found['system']}"


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of installed packages, those of ``PACKAGES`` where none is named."""
    names = packages or PACKAGES
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}


def cpuinfo(name: str) -> list[str]:
    """Return what Linux says of each core under ``name``, such as ``flags``; nothing on other systems."""
    with contextlib.suppress(OSError):
        pairs = [line.partition(":") for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()]
        return [value.strip() for key, _, value in pairs if key.strip() == name]
    return []


def _processor() -> str:
    return next(iter(cpuinfo("model name")), "") or platform.processor() or platform.machine()
