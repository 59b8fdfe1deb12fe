"""What a benchmark ran on: versions and the processor, without the machine's name."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> dict[str, str | int]:
    """Return the processor's model and how many of its cores this process may use."""
    return {"cpu": _model(), "cores": len(os.sched_getaffinity(0)), "system": platform.system()}


def versions(*packages: str) -> dict[str, str]:
    """Return Python's version and those of installed packages."""
    return {"python": platform.python_version()} | {package: version(package) for package in packages}


def record(name: str, result: dict[str, Any]) -> None:
    """Write ``result`` to the recorded results as ``name``.json."""
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
