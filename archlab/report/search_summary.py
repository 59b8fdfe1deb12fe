"""What a search found, for the terminal: its finalists, its stages, and how its trials ended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from archlab.errors import printable
from archlab.report.finalist_table import terminal_columns, terminal_headings
from archlab.report.overview import in_words
from archlab.report.terminal_tables import WHAT_FITS, Choice, print_fitted, safe, table_of
from archlab.search.result import SearchResult
from archlab.units import format_percent, format_seconds

MAX_FAILURES = 3
"""Failed trials whose reasons are printed; the result has all."""


STAGES_HEADINGS = ("networks", "scored", "pruned", "failed", "went on", "evaluation", "share")
FINALISTS_SPARE = ("activations", "memory", "predicted", "latency", "fvcore")
STAGES_SPARE = ("share", "evaluation", "failed", "pruned")
"""Columns that leave where a table does not fit, the first first."""


def headings_of(objectives: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that the tables of a search with these objectives may have, beside the first."""
    return (*terminal_headings(objectives), *STAGES_HEADINGS)


def print_tables(console: Console, result: SearchResult, choice: Choice = WHAT_FITS) -> None:
    """Print the finalists, and of several stages how each went; of chosen columns, the tables that have one."""
    wanted = {name.lower() for name in choice.names}
    tables: list[tuple[Table, tuple[str, ...]]] = []
    tables += [(finalists_table(result), FINALISTS_SPARE)] if result.finalists else []
    tables += [(stages_table(result), STAGES_SPARE)] if len(result.stages) > 1 else []
    for table, spare in tables:
        if not wanted or wanted & {str(column.header).lower() for column in table.columns[1:]}:
            print_fitted(console, table, spare, choice)


def finalists_table(result: SearchResult) -> Table:
    """Return the finalists with all of their columns."""
    budget = in_words(result)
    title = f"best of {safe(result.space)}" + (f" with {budget}" if budget else "")
    columns = {safe(head): [safe(cell) for cell in cells] for head, cells in terminal_columns(result).items()}
    table = table_of(*columns, title=title)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def stages_table(result: SearchResult) -> Table:
    """Return how many candidates each stage of the search evaluated and let through, and what that cost."""
    total = sum(stage.seconds for stage in result.stages)
    table = table_of("stage", *STAGES_HEADINGS)
    for number, stage in enumerate(result.stages, start=1):
        counts = (stage.candidates, stage.scored, stage.pruned, stage.failed, stage.survivors)
        share = format_percent(stage.seconds / total) if total else "–"
        name = safe(f"{number} {', '.join(stage.objectives)}")
        table.add_row(name, *map(str, counts), format_seconds(stage.seconds), share)
    return table


def trial_lines(result: SearchResult) -> list[str]:
    """Return how the trials ended, of the first that failed why, and where the code that judged them changed."""
    counts = [(state, n) for state, n in result.counts().items() if n or state == "scored"]
    ended = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in counts)
    failures = [t for t in result.trials if t.state == "failed" or (t.reason or "").startswith("failed in")]
    reasons = [
        f"  trial {trial.number} {'failed: ' if trial.state == 'failed' else ''}{trial.reason}"
        for trial in failures[:MAX_FAILURES]
    ]
    changes = [
        f"from trial {change.trial} of {stage.name} on, other code judged: {change.files}"
        for stage in result.stages
        for change in stage.code_changes
    ]
    return [
        printable(line)
        for line in (f"{len(result.trials)} trial{'s' * (len(result.trials) != 1)}: {ended}", *reasons, *changes)
    ]


def file_lines(result: SearchResult, folder: Path) -> list[str]:
    """Return where the files of a search in ``folder`` are."""
    lines = [f"report   {folder / 'report.html'}", f"result   {folder / 'result.json'}"]
    return [printable(line) for line in ([*lines, f"networks {folder / 'finalists'}/"] if result.finalists else lines)]
