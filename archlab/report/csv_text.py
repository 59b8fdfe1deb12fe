"""Plain rows as CSV, as a spreadsheet reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows with a head of all their names; an empty cell does not apply.

    Shapes and kernels are written ``64x56x56``, ``inputs`` and other lists with spaces between. A cell that a
    spreadsheet would take for a formula starts with an apostrophe.

    >>> print(csv_text([{"name": "=1", "shape": (64, 56)}, {"name": "b", "macs": 3}]), end="")
    name,shape,macs
    '=1,64x56,
    b,,3
    """
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, [*map(no_formula, names)], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({no_formula(name): _cell(name, value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def no_formula(text: str) -> str:
    """Return text with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _cell(name: str, value: Any) -> object:
    if isinstance(value, str):
        return no_formula(value)
    if isinstance(value, Mapping):
        return no_formula(" ".join(f"{key}={_cell(key, item)}" for key, item in value.items()))
    if isinstance(value, tuple | list):
        is_shape = name != "inputs" and all(isinstance(item, int) for item in value)
        return no_formula(("x" if is_shape else " ").join(str(_cell(name, item)) for item in value))
    return "" if value is None else value
