"""Audits as one CSV table: a row for each model, module and operator, with the same columns throughout."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from archlab.audit.many import Failure, Outcome
from archlab.audit.result import Audit
from archlab.audit.rows import module_row, operator_row

COLUMNS = [
    "model",
    "level",
    "name",
    "kind",
    "calls",
    "params",
    "shared",
    "own",
    "macs",
    "bias",
    "norm",
    "pool",
    "elementwise",
    "activations",
    "read",
    "written",
    "intensity",
    "memory",
    "shape",
    "dtype",
    "inputs",
    "counted",
    "failure",
]


def to_csv(outcomes: Sequence[Outcome]) -> str:
    """All rows; ``level`` tells ``model``, ``module`` and ``operator`` apart. An empty cell does not apply.

    A cell that a spreadsheet would take for a formula starts with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            writer.writerow({"model": _safe(outcome.name), "level": "model", "failure": _safe(outcome.reason)})
        else:
            writer.writerows(_rows(outcome))
    return text.getvalue()


def _rows(audit: Audit) -> list[dict[str, object]]:
    model = _safe(audit.name)
    found: list[dict[str, object]] = []
    for module in audit.modules:
        row = module_row(module)
        level = "module" if module.path else "model"
        if level == "model":
            row["memory"] = audit.memory
        found.append({**row, "model": model, "level": level, "name": _safe(module.path), "kind": _safe(module.kind)})
    for operator in audit.operators:
        row = operator_row(operator)
        row |= {"model": model, "level": "operator", "name": _safe(operator.name), "kind": operator.op, "calls": 1}
        row |= {"shape": " ".join("x".join(map(str, s)) for s in operator.shapes), "memory": operator.live}
        row |= {"inputs": " ".join(map(str, operator.inputs)), "params": ""}
        found.append(row)
    return found


def _safe(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
