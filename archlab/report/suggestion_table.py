"""Suggested rewritings for the terminal: a numbered table, and what the literature found of their accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from archlab.report.terminal_tables import WHAT_FITS, Choice, print_fitted, print_lines, safe, table_of
from archlab.units import format_bytes, format_count, format_percent
from archlab.what_if.kept import Kept
from archlab.what_if.suggest import Suggestion

MOST_ROWS = 20
"""Rows of the table, unless all are asked for."""

HEADINGS = (
    "where",
    "rule",
    "layers",
    "saves",
    "accuracy",
    "agreement",
    "MACs",
    "params",
    "memory",
    "activations",
    "risk",
)
"""The columns of the table beside the number."""

SPARE = ("activations", "memory", "layers")
"""Columns that leave where the table does not fit, the first first."""


def suggestions_table(
    suggestions: Sequence[Suggestion], most: int | None = MOST_ROWS, kept: Kept | None = None
) -> Table:
    """Return the best of them, with what each costs, and keeps; ``saves`` is the share of MACs that it saves."""
    measured = {kept.name: kept.accuracy} if kept else {}
    table = table_of("#", *HEADINGS)
    number, where, rule, *_ = table.columns
    number.no_wrap, where.no_wrap = True, False
    where.justify = rule.justify = "left"
    for i, one in enumerate(suggestions[:most], start=1):
        after = one.after
        table.add_row(
            str(i),
            safe(one.where),
            one.title,
            f"{one.layers} of {one.layers + one.left}" if one.left else str(one.layers),
            format_percent(1 - after.macs / one.before.macs),
            *(
                format_percent(measured[name][i - 1], 2) if name in measured else ""
                for name in ("accuracy", "agreement")
            ),
            format_count(after.macs),
            format_count(after.params),
            format_bytes(after.memory),
            format_count(after.activations),
            one.level,
        )
    return table


def suggestion_lines(
    suggestions: Sequence[Suggestion], most: int | None = MOST_ROWS, kept: Kept | None = None
) -> list[str]:
    """Return what stands below the table: what all is compared with, what is left out, and the risks with sources."""
    if not suggestions:
        return ["no rewrite rule saves MACs here"]
    before = suggestions[0].before
    lines = [
        f"as it is: MACs {format_count(before.macs)}, params {format_count(before.params)}, "
        f"memory {format_bytes(before.memory)}, activations {format_count(before.activations)}"
    ]
    if most is not None and len(suggestions) > most:
        lines.append(f"the best {most} of {len(suggestions)}; archlab rewrite TARGET --all shows all")
    if any(one.left for one in suggestions[:most]):
        lines.append(
            "where a rule does not fit a layer, as groups that do not divide its channels, that layer stays as it is"
        )
    if kept is not None:
        lines.append(kept.line)
    found = {(one.rule, one.level, one.risk, one.source): one.title for one in reversed(suggestions[:most])}
    lines.append("accuracy, as the literature found it:")
    lines += [f"  {rule}, {level}: {risk} {source}" for rule, level, risk, source in sorted(found)]
    return lines


def print_suggestions(
    console: Console,
    suggestions: Sequence[Suggestion],
    title: str = "",
    reason: str = "",
    most: int | None = MOST_ROWS,
    choice: Choice = WHAT_FITS,
    kept: Kept | None = None,
) -> None:
    """Print suggested rewritings under a title, numbered, with their risks below; or why there are none.

    Args:
        kept: what the first of them keep of a trained network, where that was measured.
    """
    print_lines(console, [title] if title else [], "bold")
    if suggestions:
        print_fitted(console, suggestions_table(suggestions, most, kept), SPARE, choice)
    print_lines(console, suggestion_lines(suggestions, most, kept) if suggestions or not reason else [reason])
