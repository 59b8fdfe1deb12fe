"""A search's result as ``print``, a notebook, a page and tables of data show it: its finalists and its trials."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console

from archlab.report.csv_text import csv_text
from archlab.report.notebook_html import notebook_html
from archlab.report.search_page import render_report
from archlab.report.search_summary import finalists_table, print_tables, stages_table, trial_lines
from archlab.report.terminal_tables import plain_text, print_lines
from archlab.search.result import SearchResult

TABLES = ("trial", "finalist")
MAX_FINALISTS = 20
"""Finalists that are shown; the frame has all."""


def text(result: SearchResult) -> str:
    """Return the best finalists, the stages where there are several, and how the trials ended."""

    def write(console: Console) -> None:
        if not result.finalists:
            console.print("no candidate was scored")
        print_tables(console, _best(result))
        print_lines(console, _lines(result))

    return plain_text(write)


def notebook(result: SearchResult) -> str:
    """Return the same as HTML."""
    tables = [finalists_table(_best(result))] if result.finalists else []
    tables += [stages_table(result)] if len(result.stages) > 1 else []
    return notebook_html(*tables, lines=_lines(result))


def _best(result: SearchResult) -> SearchResult:
    return dataclasses.replace(result, finalists=result.finalists[:MAX_FINALISTS])


def _lines(result: SearchResult) -> list[str]:
    hidden = len(result.finalists) - MAX_FINALISTS
    more = [f"… and {hidden} more finalists: see frame('finalist')"] if hidden > 0 else []
    return [*more, *trial_lines(result)]


def rows(result: SearchResult, by: str) -> list[dict[str, Any]]:
    """Return a row for every trial or finalist; the value of a hole stands under ``draw.`` and the hole's name."""
    if by == "finalist":
        return [
            {"name": f.name, "trial": f.trial, "file": f.file, "text": f.text, **f.cost, **f.values}
            for f in result.finalists
        ]
    return [
        {
            "number": t.number,
            "state": t.state,
            "reason": t.reason,
            "repeat_of": t.repeat_of,
            "digest": t.digest,
            "seconds": t.seconds,
            "reached": t.reached,
            **t.cost,
            **t.values,
            **{f"draw.{name}": value for name, value in t.draws.items()},
        }
        for t in result.trials
    ]


def csv(result: SearchResult, by: str | None) -> str:
    """Return these rows as CSV."""
    return csv_text(rows(result, by or TABLES[0]))


def page(result: SearchResult) -> str:
    """Return the report."""
    return render_report(result)
