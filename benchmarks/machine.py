"""Where a benchmark's result is recorded, and what it ran on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from archlab.environment import machine, versions

__all__ = ["RESULTS", "instruction_sets", "machine", "record", "versions"]

RESULTS = Path(__file__).resolve().parent / "results"


def instruction_sets() -> dict[str, str | list[str]]:
    """Return which instruction sets torch and oneDNN may use here, and the vector ones that the processor names."""
    import torch  # not for those that time what imports it

    return {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "onednn_limit": os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT"),
        "processor": sorted(
            flag for flag in _cpuinfo("flags").split() if flag.startswith(("sse4", "avx", "fma", "amx"))
        ),
    }


def record(name: str, result: dict[str, Any]) -> None:
    """Write ``result`` to the recorded results as ``name``.json."""
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def _cpuinfo(name: str) -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
