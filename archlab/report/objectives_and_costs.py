"""What a report measures networks by: objectives and costs, each in one unit with one number of digits.

A column of numbers reads well when all of it has the same unit and the same digits, so both are chosen once for all
the networks of a result.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archlab.cost import METRICS, metric_of
from archlab.report.svg import shorten
from archlab.search.result import Finalist, SearchResult, Trial
from archlab.units import with_minus


@dataclass(frozen=True, slots=True)
class Measure:
    """An objective or a cost, and how it is shown.

    Attributes:
        kind, name: where its value stands in a trial: an objective's in ``values``, a cost's in ``cost``.
        label: what readers call it.
        unit, scale: shown values are multiples of ``scale``, which is called ``unit``.
        digits: digits behind the point; None for four figures and an exponent.
        direction: whether more or less is better.
        limit: its budget, unscaled.
    """

    kind: Literal["objective", "cost"]
    name: str
    label: str
    unit: str = ""
    scale: float = 1.0
    digits: int | None = 3
    direction: Literal["maximize", "minimize"] = "minimize"
    limit: float | None = None

    @property
    def key(self) -> str:
        """An identifier that no other measure of the result has; of a long name it has a hash."""
        if len(self.name) <= MAX_LABEL:
            return f"{self.kind}:{self.name}"
        digest = hashlib.sha256(self.name.encode("utf-8", "replace")).hexdigest()
        return f"{self.kind}:{self.name[:MAX_LABEL]}…{digest}"

    @property
    def noun(self) -> str:
        """The label as it stands in a sentence."""
        return self.label.lower() if self.name in METRICS and self.name != "macs" else self.label

    @property
    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def of(self, item: Trial | Finalist) -> float | None:
        """Return a trial's or finalist's value, unscaled; None where it has none."""
        return finite((item.values if self.kind == "objective" else item.cost).get(self.name))

    def shown(self, value: float | None) -> str:
        """Return a value as a table shows it, without its unit.

        >>> Measure("cost", "macs", "MACs", "M", 1e6, 1).shown(203_004_928)
        '203.0'
        """
        if value is None:
            return "–"
        scaled = value / self.scale
        if self.digits is not None:
            return with_minus(f"{scaled:.{self.digits}f}")
        mantissa, exponent = f"{scaled:.3e}".split("e")
        return with_minus(f"{mantissa}e{int(exponent):+d}")  # as JavaScript's toExponential writes it

    def difference(self, value: float | None) -> str:
        """Return a difference of two values, with its sign.

        >>> Measure("objective", "score", "score", digits=2).difference(-0.125)
        '−0.12'
        """
        if value is None:
            return "–"
        shown = self.shown(value)
        return shown if shown.startswith("−") or not any(digit in "123456789" for digit in shown) else f"+{shown}"

    def with_unit(self, value: float | None) -> str:
        """Return a value as a sentence shows it."""
        return f"{self.shown(value)} {self.unit}".strip() if value is not None else "–"

    def rounded(self, value: float | None) -> float | None:
        """Return a value as a plot places it: scaled, with the digits of the tables."""
        return None if value is None else float(self.shown(value).replace("−", "-"))

    def is_better(self, a: float, b: float) -> bool:
        """Return whether ``a`` is better than ``b``."""
        return a > b if self.direction == "maximize" else a < b


@dataclass(frozen=True, slots=True)
class Measures:
    """All the measures of a result."""

    objectives: tuple[Measure, ...]
    costs: tuple[Measure, ...]

    @property
    def all(self) -> tuple[Measure, ...]:
        """Objectives, then costs."""
        return (*self.objectives, *self.costs)


def measures(result: SearchResult) -> Measures:
    """Return the objectives, and the costs that any trial has; a cost that is an objective counts once, as that."""
    objectives = []
    for objective in result.objectives[:MAX_OBJECTIVES]:
        values = [finite(trial.values.get(objective.name)) for trial in result.trials]
        objectives.append(_measure("objective", objective.name, values, objective.direction, result))
    taken = {objective.name for objective in objectives}
    costs = []
    limited = [name for name in (*result.budgets, *result.floors) if name not in METRICS]
    for name in dict.fromkeys([*METRICS, *limited]):
        values = [finite(trial.cost.get(name)) for trial in result.trials]
        if name not in taken and any(value is not None for value in values):
            costs.append(_measure("cost", name, values, "minimize", result))
    return Measures(tuple(objectives), tuple(costs))


MAX_LABEL = 100
"""Letters of an objective's name that a page shows; a result file may have any number of them."""

MAX_OBJECTIVES = 8
"""More than anyone can read a Pareto front of; a result that claims more is cut here."""


def finite(value: object) -> float | None:
    """Return ``value`` as a float that a plot can place, which leaves room for sums; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < 1e150 else None


def _measure(
    kind: Literal["objective", "cost"],
    name: str,
    values: Sequence[float | None],
    direction: Literal["maximize", "minimize"],
    result: SearchResult,
) -> Measure:
    sizes = sorted(abs(value) for value in values if value)
    typical = sizes[len(sizes) // 2] if sizes else 1.0
    label, unit, scale = shorten(name, MAX_LABEL), "", 1.0
    if name in METRICS or kind == "cost":
        metric = metric_of(name, result.units.get(name, ""))
        label = metric.label if name in METRICS else shorten(metric.label, MAX_LABEL)
        unit, scale = next((u for u in metric.scales if typical >= u[1]), metric.scales[-1])
    limit = finite(result.budgets.get(name))
    is_count = kind == "cost" and scale == 1 and all(size == int(size) for size in sizes)
    digits = 0 if is_count else _digits(sizes, typical / scale)
    return Measure(kind, name, label, unit, scale, digits, direction, limit)


def _digits(sizes: Sequence[float], typical: float) -> int | None:
    """Return four figures of a typical value, unless the values span too much for fixed digits."""
    if not 1e-3 <= typical < 1e6 or (sizes and sizes[-1] > 1e15):
        return None
    return max(0, min(6, 3 - math.floor(math.log10(typical))))
