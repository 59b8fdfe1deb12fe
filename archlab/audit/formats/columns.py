"""The columns of numbers in every table for people, in one place: a new column is a row of ``COLUMNS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archlab.audit.counts import Counts
from archlab.measured import Latency
from archlab.units import format_bytes, format_count, format_seconds

FORMS: dict[str, Callable[[float], str]] = {
    "count": format_count,
    "bytes": format_bytes,
    "ratio": lambda value: f"{value:.1f}",
    "seconds": format_seconds,
}
"""How numbers are written; the page's script knows them by the same names."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers.

    Attributes:
        key: the attribute of a module, operator or total that it shows.
        heading: its heading in a terminal.
        title: its heading on the page.
        form: how its numbers are written, a key of ``FORMS``.
        of_modules_only: whether operators have no such number.
    """

    key: str
    heading: str
    title: str
    form: str = "count"
    of_modules_only: bool = False

    def value(self, item: Counts) -> float:
        """Return the number of a module, operator or total."""
        number: float | None = getattr(item, self.key)
        return number or 0

    def text(self, item: Counts) -> str:
        """Return the number as it is written."""
        return FORMS[self.form](self.value(item))


COLUMNS = (
    Column("params", "params", "Params", of_modules_only=True),
    Column("macs", "MACs", "MACs"),
    Column("bias", "bias", "Bias"),
    Column("norm", "norm", "Norm"),
    Column("pool", "pool", "Pool"),
    Column("elementwise", "elementwise", "Element-wise"),
    Column("activations", "activations", "Activations"),
    Column("bytes", "bytes", "Bytes", "bytes"),
    Column("intensity", "ops/byte", "Ops/byte", "ratio"),
    Column("memory", "memory", "Memory", "bytes", of_modules_only=True),
    Column("latency", "time", "Time", "seconds", of_modules_only=True),
    Column("own_latency", "own time", "Own time", "seconds", of_modules_only=True),
)


def latency_text(latency: Latency) -> str:
    """Return how long a model takes, and how that was measured."""
    return (
        f"{format_seconds(latency.median)} on this machine, the median of {latency.runs} warm runs in evaluation on"
        f" {latency.threads} thread{'s' if latency.threads > 1 else ''}"
        f" (80 % of them between {format_seconds(latency.low)} and {format_seconds(latency.high)})"
    )


_TITLES = {"macs": "MACs", "read": "bytes read", "written": "bytes written", "memory": "peak memory"}
"""What totals are called, where that is not their name."""


def title_of_total(name: str) -> str:
    """Return what a total is called in a table.

    >>> title_of_total("macs"), title_of_total("param_bytes")
    ('MACs', 'param bytes')
    """
    return _TITLES.get(name, name.replace("_", " "))


def format_total(name: str, value: float) -> str:
    """Return one of ``Audit.totals()`` as it is written."""
    is_bytes = name.endswith("bytes") or name in ("memory", "read", "written")
    return FORMS["bytes" if is_bytes else "count"](value)
