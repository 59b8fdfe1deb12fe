"""A comparison as ``print``, a notebook, a page and tables of data show it."""

from __future__ import annotations

from typing import Any

from archlab.report.csv_text import csv_text
from archlab.report.diff_page import diff_page
from archlab.report.diff_tables import changed_in_words, changes_table, diff_lines, print_diff, totals_table
from archlab.report.notebook_html import notebook_html
from archlab.report.terminal_tables import plain_text
from archlab.structure.compare import Diff
from archlab.structure.found import COSTS

TABLES = ("block", "total")


def text(diff: Diff) -> str:
    """Return what ``archlab diff`` prints."""
    return plain_text(lambda console: print_diff(console, diff))


def notebook(diff: Diff) -> str:
    """Return the tables as HTML."""
    return notebook_html(changes_table(diff), totals_table(diff), lines=diff_lines(diff))


def rows(diff: Diff, by: str) -> list[dict[str, Any]]:
    """Return a row for each run of blocks on both sides, or for each cost of the whole."""
    if by == "total":
        return [{"cost": cost, "a": a, "b": b} for cost, (a, b) in diff.totals().items()]
    return [
        {
            "section": section.name,
            "state": pair.state,
            "a": "" if pair.a is None else pair.a.label,
            "b": "" if pair.b is None else pair.b.label,
            "changed": changed_in_words(pair),
            **{f"{cost}_{side}": pair.costs(cost)[i] for cost in COSTS for i, side in enumerate("ab")},
        }
        for section in diff.sections
        for pair in section.pairs
    ]


def csv(diff: Diff, by: str | None) -> str:
    """Return these rows as CSV."""
    return csv_text(rows(diff, by or TABLES[0]))


def page(diff: Diff) -> str:
    """Return what ``--html`` writes."""
    return diff_page(diff)
