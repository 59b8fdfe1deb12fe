"""A shrinking in a terminal: the original beside the result, and what next."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console

from archlab.errors import printable
from archlab.original.shrunk import Shrunk
from archlab.report.shrunk_rows import lead, next_steps, rows
from archlab.report.terminal_tables import plain_text, print_fitted, print_lines, safe, table_of


def show_shrunk(shrunk: Shrunk, folder: Path) -> str:
    """Return what ``archlab shrink`` prints."""

    def write(console: Console) -> None:
        print_lines(console, [lead(shrunk)], "bold")
        table = table_of("", "original", "result", "kept")
        for row in rows(shrunk):
            table.add_row(safe(row.name), row.before, row.after, row.kept)
        print_fitted(console, table, spare=("kept",))
        for label, command in next_steps(shrunk, shlex.quote(printable(str(folder)))):
            print_lines(console, [f"{label}:"])
            console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)  # to be copied: never folded

    return plain_text(write)
