"""The tables of an audit as plain rows: what terminal, CSV, JSON, pandas and HTML show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from archlab.audit.counted import COUNTS, Module, Operator
from archlab.audit.result import Audit
from archlab.errors import InputError, did_you_mean

TABLES = ("module", "stage", "op", "operator")


def rows(audit: Audit, by: str, depth: int | None = None) -> list[dict[str, Any]]:
    """The rows of one table: ``module`` (to ``depth``), ``stage``, ``op`` (totals) or ``operator`` (every call).

    Raises:
        InputError: there is no such table.
    """
    match by:
        case "module":
            return [module_row(m) for m in audit.modules if depth is None or m.depth <= depth]
        case "stage":
            return [module_row(m) for m in audit.by_stage()]
        case "op":
            totals = sorted(audit.by_op().items(), key=lambda item: (-item[1]["macs"], -item[1]["written"], item[0]))
            return [{"op": op, **row} for op, row in totals]
        case "operator":
            return [operator_row(o) for o in audit.operators]
    raise InputError(f"there is no table by {by!r}", hint=did_you_mean(by, TABLES))


def module_row(module: Module) -> dict[str, Any]:
    """A module's row."""
    return {**asdict(module), "intensity": round(module.intensity, 3)}


def operator_row(operator: Operator) -> dict[str, Any]:
    """An operator's row."""
    row = asdict(operator)
    row["shapes"] = [list(shape) for shape in operator.shapes]
    row["inputs"], row["params"] = list(operator.inputs), list(operator.params)
    return {**row, "intensity": round(operator.intensity, 3)}


def totals(audit: Audit) -> dict[str, int]:
    """The counts of the whole by name."""
    names = ("params", "trainable", "param_bytes", "buffer_bytes", *COUNTS, "memory")
    return {name: getattr(audit, name) for name in names}


def ratios(first: Audit, others: Iterable[Audit]) -> list[dict[str, float]]:
    """Each other's totals by the first's, where those are not zero."""
    base = totals(first)
    return [
        {name: round(value / base[name], 4) for name, value in totals(other).items() if base[name]} for other in others
    ]
