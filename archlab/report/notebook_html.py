"""Tables as a notebook shows them: small pieces of HTML without scripts or requests."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from archlab.errors import printable
from archlab.report.svg import element, shorten

MAX_CELL = 200
_FIRST = {"style": "text-align:left;white-space:pre"}
"""How the first cell of a row stands: its indentation says how deep a module lies."""


def notebook_html(*tables: Table, lines: Iterable[str] = ()) -> str:
    """Return the tables of a terminal as tables of a page, and lines of text below them.

    Args:
        tables: their cells and titles are rich's markup; columns without any text are left out.
        lines: plain text.
    """
    below = [element("div", _shown(line)) for line in lines]
    return str(element("div", *map(_table, tables), *below))


def notebook_text(text: str, most: int = 20_000) -> str:
    """Return text as it stands, in type of even width, cut after ``most`` characters."""
    return str(element("pre", "\n".join(map(printable, shorten(text, most).split("\n")))))


def _table(table: Table) -> Markup:
    columns = [(column.header, list(column.cells)) for column in table.columns if any(column.cells)]
    heads = [element("th", _plain(head), scope="col") for head, _ in columns]
    rows = [
        element("tr", *(element("td", _plain(cell), **_FIRST if i == 0 else {}) for i, cell in enumerate(cells)))
        for cells in zip(*(cells for _, cells in columns), strict=True)
    ]
    title = [element("caption", _plain(table.title))] if table.title else []
    parts = (*title, element("thead", element("tr", *heads)), element("tbody", *rows))
    return element("table", *parts, style="text-align:right")


def _plain(content: object) -> str:
    """Return the text of a cell; its markup is rich's, and escaped markup is text."""
    return _shown(Text.from_markup(content).plain if isinstance(content, str) else str(content))


def _shown(text: str) -> str:
    return shorten(printable(text), MAX_CELL)
