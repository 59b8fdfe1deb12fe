"""Tables for a terminal: what they have in common."""

from __future__ import annotations

import copy
import dataclasses
import io
import shutil
import sys
from collections.abc import Callable, Collection, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from archlab.errors import printable


def console_for(pipe_width: int = 160) -> Console:
    """Return the console of standard output.

    A pipe has no width of its own: it gets ``pipe_width``, so that what a script or pager reads is not folded.
    """
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=pipe_width)


def plain_text(write: Callable[[Console], None]) -> str:
    """Return what ``write`` prints, without colours: as wide as the terminal, and 80 columns where there is none.

    What standard output's encoding cannot hold is a question mark, so that printing the text never fails.
    """
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else 80
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    file = io.TextIOWrapper(io.BytesIO(), encoding, errors="replace")  # whose encoding decides on the lines' form
    console = Console(
        file=file, width=width, force_terminal=False, force_jupyter=False, color_system=None, highlight=False
    )
    with console.capture() as captured:
        write(console)
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    return text.encode(encoding, "replace").decode(encoding)


def table_of(*columns: str, title: str | None = None) -> Table:
    """Return an empty table: the first column to the left, the others to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def safe(text: str) -> str:
    """Return a stranger's text for a table: markup in it is shown, and control characters are replaced.

    >>> safe("[red]\\x1b[2J")
    '\\\\[red]�[2J'
    """
    return escape(printable(text))


def share(part: int, whole: int) -> str:
    """Return a share in percent, or a dash where there is nothing to share."""
    return f"{part / whole:.1%}" if whole else "–"


def fit_table(console: Console, columns: dict[str, list[str]], spare: Sequence[str], title: str) -> Table:
    """Return the table of ``columns`` without those of the ``spare`` ones for which a narrow terminal has no room.

    The spare ones go in their order. A column less, which the report has, is better than a name or number cut short.
    """
    for left_out in range(len(spare) + 1):
        kept = {head: cells for head, cells in columns.items() if head not in spare[:left_out]}
        table = table_of(*kept, title=title)
        for row in zip(*kept.values(), strict=True):
            table.add_row(*row)
        if console.measure(table, options=console.options.update(width=1000)).maximum <= console.width:
            break
    return table


def print_fitted(console: Console, table: Table, spare: Sequence[str]) -> None:
    """Print a table without its empty columns, and without as many of the ``spare`` ones as do not fit, in their order.

    Where even the rest does not fit, its lines are longer than the console: no name and no number is cut short.
    """
    filled = [column for column in table.columns if any(column.cells)]
    kept = {str(column.header) for column in filled} - set(spare)
    for head in reversed(spare):
        wider = kept | {head}
        if _width(console, _with_columns(table, filled, wider)) > console.width:
            break
        kept = wider
    shown = _with_columns(table, filled, kept)
    width = console.width
    console.width = max(width, _width(console, shown))
    console.print(shown)
    console.width = width


def _width(console: Console, table: Table) -> int:
    """Return how wide a table is where nothing of it is cut."""
    return console.measure(table, options=console.options.update(width=10_000)).maximum


def _with_columns(table: Table, columns: Sequence[Column], heads: Collection[str]) -> Table:
    """Return a table with those of the columns that have these heads."""
    fewer = copy.copy(table)
    kept = [column for column in columns if str(column.header) in heads]
    fewer.columns = [dataclasses.replace(column, _index=i) for i, column in enumerate(kept)]
    return fewer
