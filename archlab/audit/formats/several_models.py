"""Several audits for the terminal: a row each, or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from archlab.audit.audit_result import Audit
from archlab.audit.breakdown import ratios
from archlab.audit.conventions import FLOPS_NOTE
from archlab.audit.formats.columns import format_total, title_of_total
from archlab.audit.formats.interface import Options
from archlab.ir import show_shape
from archlab.report.terminal_tables import Choice, print_fitted, print_lines, safe, table_of
from archlab.units import format_bytes, format_count

MODELS = (
    *("model", "input", "params", "MACs", "FLOPs", "activations", "memory", "deployed params"),
    *("not counted", "ran"),
)
_SPARE = ("deployed params", "activations", "FLOPs", "memory", "input")


def print_models(console: Console, found: Sequence[Audit], options: Options) -> None:
    """Print several models in one table, a row each."""
    table = table_of(*MODELS)
    for audit in found:
        after = audit.deployed.params if audit.deployed else audit.params
        missing = sum(row.times for row in audit.uncounted)
        table.add_row(
            safe(audit.name),
            " ".join(show_shape(i.shape) for i in audit.inputs[:3]),
            format_count(audit.params),
            format_count(audit.macs),
            format_count(2 * audit.macs),
            format_count(audit.activations),
            format_bytes(audit.memory),
            format_count(after),
            str(missing or ""),
            "for real" if audit.device == "real" else "",
        )
    print_lines(console, [FLOPS_NOTE])
    print_fitted(console, table, _SPARE, options.columns)


def _totals_with_flops(audit: Audit) -> dict[str, int]:
    totals: dict[str, int] = {}
    for name, value in audit.totals().items():
        totals[name] = value
        if name == "macs":
            totals["FLOPs"] = 2 * value
    return totals


def print_comparison(console: Console, found: Sequence[Audit], options: Options) -> None:
    """Print models side by side: in total, with ratios to the first, and stage by stage."""
    print_lines(console, [FLOPS_NOTE])
    wide = Choice(wide=options.columns.wide)  # each column is a model
    names = [safe(audit.name) for audit in found]
    table = table_of("", names[0], *(n for name in names[1:] for n in (name, "ratio")), title="in total")
    totals = [_totals_with_flops(audit) for audit in found]
    for metric, value in totals[0].items():
        cells = [format_total(metric, value)]
        for other in totals[1:]:
            ratio = ratios(totals[0], other)
            cells += [format_total(metric, other[metric]), f"{ratio[metric]:.3f}" if metric in ratio else ""]
        table.add_row(title_of_total(metric), *cells)
    print_fitted(console, table, ("ratio",), wide)
    table = table_of("stage", *(n for name in names for n in (name, "MACs", "params")), title="by stage")
    stages = [audit.by_stage() for audit in found]
    for number in range(max(map(len, stages))):
        cells = []
        for own in stages:
            stage = own[number] if number < len(own) else None
            cells += [safe(stage.path), format_count(stage.macs), format_count(stage.params)] if stage else ["", "", ""]
        table.add_row(str(number + 1), *cells)
    for column in table.columns[1::3]:
        column.justify, column.no_wrap = "left", False
    print_fitted(console, table, (), wide, group=3)
