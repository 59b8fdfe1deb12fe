"""Where a benchmark's result is recorded, and what it ran on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archlab.search.environment import machine, versions

__all__ = ["RESULTS", "machine", "record", "versions"]

RESULTS = Path(__file__).resolve().parent / "results"


def record(name: str, result: dict[str, Any]) -> None:
    """Write ``result`` to the recorded results as ``name``.json."""
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
