"""How a value reads wherever it is: a line as ``repr``, a table in ``print`` and in a notebook, a page, a CSV, a frame.

What is shown lies low, such as a graph, and what shows it lies high, such as tables and pages. So a class names the
module of its view, which is imported when a value is first shown: importing archlab imports neither rich nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from archlab.errors import InputError, did_you_mean, printable, quote
from archlab.files import write_atomic

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_NAME = 60


class View(Protocol):
    """A module that shows the values of one class."""

    def text(self, value: Any, /) -> str:
        """Return a value as plain text, as wide as standard output."""
        ...

    def notebook(self, value: Any, /) -> str:
        """Return a value as a small piece of HTML without scripts or requests; whatever it says is escaped."""
        ...


class TableView(View, Protocol):
    """A module that shows the values of one class, and has tables and a page of them.

    Attributes:
        TABLES: the names of the tables, the usual one first.
    """

    TABLES: tuple[str, ...]

    def rows(self, value: Any, by: str, /) -> list[dict[str, Any]]:
        """Return a table as plain rows."""
        ...

    def csv(self, value: Any, by: str | None, /) -> str:
        """Return a table as CSV; without a name, what ``to_csv`` writes by default."""
        ...

    def page(self, value: Any, /) -> str:
        """Return an HTML page that needs nothing else."""
        ...


class Shown:
    """A value that prints as text, and shows itself in a notebook.

    Attributes:
        view: the name of the module that shows it, a ``View``.
    """

    __slots__ = ()
    view = ""  # without annotation: it is no field of the dataclasses that show themselves

    def __str__(self) -> str:
        return cast(View, import_module(self.view)).text(self).rstrip("\n")

    def _repr_html_(self) -> str:
        return cast(View, import_module(self.view)).notebook(self)


class Tabled(Shown):
    """A value that has tables and a page as well; its ``view`` is a ``TableView``."""

    __slots__ = ()

    def frame(self, by: str | None = None) -> pd.DataFrame:
        """Return a table as a pandas frame; by default the usual one.

        Raises:
            InputError: there is no such table; the message has those that there are.
        """
        import pandas as pd

        view = self._table_view
        return pd.DataFrame(view.rows(self, _table_name(view, by)))

    def to_csv(self, path: str | Path, by: str | None = None) -> None:
        """Write a table as CSV to ``path``, all of it or nothing; by default the usual one, of an audit all of them.

        A cell that a spreadsheet would take for a formula starts with an apostrophe.

        Raises:
            InputError: there is no such table, or the file cannot be written; an older one is then as it was.
        """
        view = self._table_view
        write_atomic(_path(path), view.csv(self, by if by is None else _table_name(view, by)))

    def to_html(self, path: str | Path) -> None:
        """Write a page that needs nothing else to ``path``, all of it or nothing.

        Raises:
            InputError: the file cannot be written; an older one is then as it was.
        """
        write_atomic(_path(path), self._table_view.page(self))

    @property
    def _table_view(self) -> TableView:
        return cast(TableView, import_module(self.view))


def short(value: object, name: str, *facts: str) -> str:
    """Return the ``repr`` of a value: its class, its name as far as it can be shown, and what matters most of it.

    >>> short(Shown(), "a\\nb", "3 nodes")
    '<Shown a�b: 3 nodes>'
    """
    cut = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    return f"<{type(value).__name__} {printable(cut)}: {', '.join(facts)}>"


def _table_name(view: TableView, by: str | None) -> str:
    if by is None:
        return view.TABLES[0]
    if by not in view.TABLES:
        raise InputError(f"there is no table by {quote(str(by))}", hint=did_you_mean(str(by), view.TABLES))
    return by


def _path(path: str | Path) -> Path:
    if not isinstance(path, str | Path):
        raise InputError(f"{quote(repr(path))[1:-1]} is no path", hint="name a file, such as 'out/page.html'")
    return Path(path)
