"""What is counted of a drawn network before anything is paid for it, and whether it may be evaluated.

Closed forms come first, then a user's own metrics, then filters: each only where everything before it is met.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archlab.cost import METRICS, Budget, cost, cost_of_part
from archlab.depth import depth_of
from archlab.elaborate import Interpreter, Network, Value
from archlab.search.own_code import DrawnCandidate, OwnFunction, OwnRules

MEMO_SIZE = 20_000
"""Results of a user's own functions that are kept, of some hundred bytes each."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted of a network.

    Attributes:
        costs: by metric; a user's own are missing where a limit before them is missed.
        fill: the largest share of an upper limit that it uses, and above 1 where any limit is missed; 0 without one.
        below: whether a lower limit is missed.
        refused: the filter that refuses it.
    """

    costs: dict[str, float]
    fill: float
    below: bool = False
    refused: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether it may be evaluated."""
        return self.fill <= 1 and self.refused is None


def costs_of(network: Network, names: Iterable[str] = ()) -> dict[str, float]:
    """Return the closed-form costs of a network by metric.

    Args:
        names: metrics that are counted only where they are asked for, such as ``depth`` or ``stage3.macs``.
    """
    costs: dict[str, float] = dict(cost(network).as_dict())
    for name in names:
        if name == "depth":
            costs[name] = depth_of(network)
        elif name not in METRICS and ":" not in name and "." in name:
            part, _, metric = name.rpartition(".")
            costs[name] = getattr(cost_of_part(network, part), metric)
    return costs


class Counter:
    """Counts networks of one space under one budget.

    Args:
        own: a user's own metrics and filters.
        wanted: metrics to count beside those that the budget limits, such as objectives.
        seed: the search's, for a user's own functions.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        budget: Budget | None = None,
        own: OwnRules | None = None,
        wanted: Iterable[str] = (),
        seed: int = 0,
    ) -> None:
        self.interpreter = interpreter
        self.budget = (budget or Budget()).closed_form
        self._own = own or OwnRules()
        self._names = tuple(dict.fromkeys([*self.budget.names, *wanted]))
        self._seed = seed
        self._memo: dict[tuple[object, ...], float] = {}

    def count(self, network: Network) -> Count:
        """Count a network.

        Raises:
            OwnCodeError: a user's own function raised.
        """
        costs = costs_of(network, self._names)
        for metric in self._own.metrics:
            if not self.budget.allows(costs):
                break
            costs[metric.name] = self._remembered(metric, network, costs)
        fill, below = self._fill(costs)
        refused = None
        if fill <= 1:
            broken = (rule for rule in self._own.filters if not self._remembered(rule, network, costs, holds=True))
            refused = next((rule.name for rule in broken), None)
        return Count(costs, fill, below, refused)

    def value(self, name: str, network: Network) -> float:
        """Return one metric of a network, whatever limits it misses.

        Raises:
            OwnCodeError: it is a user's own, and raised.
        """
        costs = costs_of(network, self._names)
        own = next((metric for metric in self._own.metrics if metric.name == name), None)
        return costs[name] if own is None else self._remembered(own, network, costs)

    def _fill(self, costs: dict[str, float]) -> tuple[float, bool]:
        fill = max((costs[name] / limit for name, limit in self.budget.limits if name in costs), default=0.0)
        if not self.budget.floors:
            return fill, False
        missing = max(1 - costs[name] / least for name, least in self.budget.floors if name in costs)
        return (max(fill, 1 + missing), True) if missing > 0 else (fill, False)

    def _remembered(
        self, function: OwnFunction, network: Network, costs: dict[str, float], holds: bool = False
    ) -> float:
        if len(self._memo) > MEMO_SIZE:
            self._memo.clear()
        key: tuple[str, tuple[tuple[str, Value], ...]] = (function.name, tuple(network.draws.items()))
        if key not in self._memo:
            candidate = DrawnCandidate(network, self.interpreter.space, dict(costs), self._seed)
            self._memo[key] = function.holds(candidate) if holds else function.number(candidate)
        return self._memo[key]
