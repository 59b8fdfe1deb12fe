"""Tables for a terminal: what they have in common, and the one way in which all of them fit its width.

What does not fit leaves as a column, the least important first; then long headings and names fold; then the columns
stand in several tables below each other. No name and no number is ever cut short, and empty columns never show.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from archlab.errors import InputError, did_you_mean, printable, quote
from archlab.report.folding import fold, fold_name
from archlab.units import format_percent

_EDGES, _BETWEEN = 2, 3
"""Characters that a table needs at its edges, and between two columns."""

_NARROWEST_NAME, _NARROWEST_HEAD = 16, 10
"""Columns of names and headings fold to no less."""


def console_for(pipe_width: int = 160) -> Console:
    """Return the console of standard output.

    A pipe has no width of its own, unless COLUMNS says one: it gets ``pipe_width`` and soft wrapping, which means that
    nothing is folded, so that what a script or pager reads has a row in each line.
    """
    console = Console(highlight=False)
    if console.is_terminal or _columns_asked_for():
        return Console(highlight=False, width=_columns_asked_for())
    return Console(highlight=False, width=pipe_width, soft_wrap=True)


def plain_text(write: Callable[[Console], None]) -> str:
    """Return what ``write`` prints, without colours: as wide as the terminal, and 80 columns where there is none.

    What standard output's encoding cannot hold is a question mark, so that printing the text never fails.
    """
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else 80
    width = _columns_asked_for() or width
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    file = io.TextIOWrapper(io.BytesIO(), encoding, errors="replace")  # whose encoding decides on the lines' form
    console = Console(
        file=file, width=width, force_terminal=False, force_jupyter=False, color_system=None, highlight=False
    )
    with console.capture() as captured:
        write(console)
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    return text.encode(encoding, "replace").decode(encoding)


def _columns_asked_for() -> int | None:
    """Return the width that the environment asks for, if it does."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) or None if columns.isdecimal() and len(columns) < 6 else None


def table_of(*columns: str, title: str | None = None) -> Table:
    """Return an empty table: the first column, which may fold, to the left, the others to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=i > 0)
    return table


def safe(text: str) -> str:
    """Return a stranger's text for a table: markup in it is shown, and control characters are replaced.

    >>> safe("[red]\\x1b[2J")
    '\\\\[red]�[2J'
    """
    return escape(printable(text))


def share(part: int, whole: int) -> str:
    """Return a share in percent, or a dash where there is nothing to share."""
    return format_percent(part / whole) if whole else "–"


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns that a reader asks for.

    Attributes:
        names: the headings of these alone, beside the first column; empty for those that there is room for.
        wide: whether all columns show, whatever the width.
    """

    names: tuple[str, ...] = ()
    wide: bool = False


WHAT_FITS = Choice()


def choice_of(columns: str | None, wide: bool, known: Iterable[str]) -> Choice:
    """Read the columns that a command is asked for, such as ``"params,MACs"``.

    Raises:
        InputError: none of the command's tables has such a column; ``known`` are those that there are.
    """
    names = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
    headings = dict.fromkeys(known)
    lower = {heading.lower() for heading in headings}
    for name in names:
        if name.lower() not in lower:
            raise InputError(f"there is no column {quote(name)}", hint=did_you_mean(name, headings))
    return Choice(names, wide)


def print_lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    """Print lines of plain text, folded between words where they are wider than the console; in a pipe they are not."""
    for line in lines:
        for part in [line] if console.soft_wrap else fold(line, console.width):
            console.print(Text(part, style), soft_wrap=True)


def print_fitted(
    console: Console, table: Table, spare: Sequence[str] = (), choice: Choice = WHAT_FITS, group: int = 1
) -> None:
    """Print a table, as ``choice`` has it or as it fits.

    Args:
        console: where to print.
        table: its title, and all of its columns; those that may fold have no ``no_wrap``.
        spare: headings of columns that leave where the table does not fit, the first first.
        choice: what the reader asks for.
        group: how many columns after the first belong together, where a table is divided.
    """
    if table.title:
        print_lines(console, [Text.from_markup(str(table.title)).plain], "bold")
    filled = [column for i, column in enumerate(table.columns) if i == 0 or any(column.cells)]
    if choice.names:
        shown = _chosen(filled, choice.names)
    elif choice.wide:
        shown = filled
    else:
        shown = _without_spare(console, filled, spare)
    if choice.wide or console.soft_wrap:
        _print_columns(console, table, shown)
    else:
        for part in _parts(console, shown, group):
            _print_columns(console, table, _folded(console, part))


def _chosen(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Return the first column, and those that are named, in the order in which they are named."""
    wanted = [name.lower() for name in names]
    others = [column for column in columns[1:] if str(column.header).lower() in wanted]
    return [columns[0], *sorted(others, key=lambda column: wanted.index(str(column.header).lower()))]


def _without_spare(console: Console, columns: Sequence[Column], spare: Sequence[str]) -> list[Column]:
    """Return the columns but for as many of the spare ones as do not fit, in their order.

    A name longer than half of the console is rather folded than that other columns leave.
    """
    kept = list(columns)
    longest_name = console.width if console.soft_wrap else max(_NARROWEST_NAME, console.width // 2)
    widths = {id(c): min(_width(c), longest_name) if not c.no_wrap else _width(c) for c in columns}
    for head in spare:
        if _total(widths[id(column)] for column in kept) <= console.width:
            break
        kept = [column for column in kept if str(column.header) != head]
    return kept


def _parts(console: Console, columns: Sequence[Column], group: int) -> list[list[Column]]:
    """Divide columns, so that each part fits where it is folded; the first column stands in each."""
    first, rest = columns[0], columns[1:]
    groups = [list(rest[i : i + group]) for i in range(0, len(rest), group)]
    parts = [[first]]
    for more in groups:
        if len(parts[-1]) > 1 and _total(map(_narrowest, [*parts[-1], *more])) > console.width:
            parts.append([first])
        parts[-1] += more
    return parts


def _folded(console: Console, columns: Sequence[Column]) -> list[Column]:
    """Return columns whose headings and names are folded as far as the console needs it, the widest first."""
    widths, least = [_width(column) for column in columns], [_narrowest(column) for column in columns]
    while _total(widths) > console.width and widths != least:
        widest = max((i for i, width in enumerate(widths) if width > least[i]), key=lambda i: widths[i])
        widths[widest] -= 1
    return [_fold_column(console, *pair) for pair in zip(columns, widths, strict=True)]


def _fold_column(console: Console, column: Column, width: int) -> Column:
    def folded(cell: object) -> str:
        lines = fold_name(_plain(cell), width, "> " if console.options.ascii_only else "↳ ")
        return escape("\n".join(lines))

    if _width(column) <= width:
        return column
    narrow = dataclasses.replace(column, header=folded(column.header))
    if not column.no_wrap:
        narrow._cells = [folded(cell) for cell in column.cells]
    return narrow


def _print_columns(console: Console, table: Table, columns: Sequence[Column]) -> None:
    """Print these columns of a table as they are; where they do not fit, lines are longer than the console."""
    fewer = copy.copy(table)
    fewer.title = None
    fewer.columns = [dataclasses.replace(column, _index=i, no_wrap=True) for i, column in enumerate(columns)]
    width = console.width
    console.width = max(width, _total(map(_width, columns)))
    console.print(fewer, soft_wrap=False)
    console.width = width


def _total(widths: Iterable[int]) -> int:
    """Return how wide a table of such columns is."""
    found = list(widths)
    return sum(found) + _BETWEEN * (len(found) - 1) + _EDGES


def _width(column: Column) -> int:
    """Return how wide a column is where nothing of it folds."""
    return max(_widest(column.header), _cells_width(column))


def _narrowest(column: Column) -> int:
    """Return how wide a column is where all of it folds that may."""
    head = min(_widest(column.header), _NARROWEST_HEAD)
    cells = _cells_width(column)
    return max(head, cells if column.no_wrap else min(cells, _NARROWEST_NAME))


def _cells_width(column: Column) -> int:
    return max(map(_widest, column.cells), default=0)


def _widest(cell: object) -> int:
    return max(map(cell_len, _plain(cell).split("\n")))


def _plain(cell: object) -> str:
    return Text.from_markup(cell).plain if isinstance(cell, str) else str(cell)
