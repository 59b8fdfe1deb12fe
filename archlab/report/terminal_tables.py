"""Tables for a terminal: what they have in common."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from archlab.errors import printable


def console_for(pipe_width: int = 160) -> Console:
    """Return the console of standard output.

    A pipe has no width of its own: it gets ``pipe_width``, so that what a script or pager reads is not folded.
    """
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=pipe_width)


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
