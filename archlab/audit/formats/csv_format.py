"""Audits as one CSV table: a row for each model, module and operator, with the same columns throughout."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from archlab.audit.audit_result import Audit
from archlab.audit.audit_run import AuditRun, Failure
from archlab.audit.breakdown import module_row, operator_row
from archlab.audit.counts import COUNTS
from archlab.audit.formats.interface import Options
from archlab.audit.rules.settings import NAMES as SETTINGS
from archlab.report.csv_text import no_formula

CSV_COLUMNS = (
    *("model", "level", "name", "kind", "calls", "params", "shared", "own"),
    *COUNTS,
    *(
        "intensity",
        "memory",
        "latency",
        "own_latency",
        "takes",
        *SETTINGS,
        "shape",
        "dtype",
        "inputs",
        "counted",
        "failure",
    ),
)


def render(run: AuditRun, options: Options, /) -> str:
    """Return all rows; ``level`` tells ``model``, ``module`` and ``operator`` apart. An empty cell does not apply.

    A cell that a spreadsheet would take for a formula starts with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for outcome in run.outcomes:
        if isinstance(outcome, Failure):
            writer.writerow(
                {"model": no_formula(outcome.name), "level": "model", "failure": no_formula(outcome.reason)}
            )
        else:
            writer.writerows(_rows(outcome))
    return text.getvalue()


def _rows(audit: Audit) -> list[dict[str, object]]:
    model = no_formula(audit.name)
    found: list[dict[str, object]] = []
    for module in audit.modules:
        row = module_row(module)
        level = "module" if module.path else "model"
        if level == "model":
            row["memory"] = audit.memory
        found.append(
            {**row, "model": model, "level": level, "name": no_formula(module.path), "kind": no_formula(module.kind)}
        )
    for operator in audit.operators:
        row = operator_row(operator)
        row |= {"model": model, "level": "operator", "name": no_formula(operator.name), "kind": operator.op, "calls": 1}
        row |= {"shape": _shapes(operator.shapes), "takes": _shapes(operator.takes), "memory": operator.live}
        row |= {name: _setting(operator.settings[name]) for name in operator.settings}
        row |= {"inputs": " ".join(map(str, operator.inputs)), "params": ""}
        found.append(row)
    return found


def _shapes(shapes: Iterable[Iterable[int]]) -> str:
    return " ".join("x".join(map(str, shape)) for shape in shapes)


def _setting(value: int | str | tuple[int, ...]) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
