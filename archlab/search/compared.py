"""What a search compares its finalists with: baselines at the same budget, and their own neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archlab.elaborate import Value


@dataclass(frozen=True, slots=True)
class Baseline:
    """A network that stands beside the finalists: nobody had to search for it.

    Attributes:
        kind: ``default``, the space's default draw, or ``reference``, a shipped network.
        name: the network's.
        width_mult: what its channels were scaled by to come within the budget; 1 where it is as it is.
        cost: counted, by metric.
        values: objectives by name, as far as they could be had without training.
        draws: of a default draw, the values of its holes.
        over: the limits that it misses, in words; empty where it is within the budget.
    """

    kind: Literal["default", "reference"]
    name: str
    width_mult: float
    cost: dict[str, float]
    values: dict[str, float] = field(default_factory=dict)
    draws: dict[str, Value] = field(default_factory=dict)
    over: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A finalist with one hole filled otherwise, counted and scored again.

    Attributes:
        values: the closed-form objectives of the changed network.
        allowed: whether it is within the budget.
    """

    hole: str
    value: Value
    values: dict[str, float]
    allowed: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """All the changes of one hole of a finalist.

    Attributes:
        trial: the finalist's.
        values: the finalist's own closed-form objectives, counted with the changes.
        refused: how many other changes describe no network.
        left_out: how many were not tried, because there are too many.
    """

    trial: int
    values: dict[str, float]
    changes: tuple[Change, ...]
    refused: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class HoleShare:
    """How much of reaching the best tenth a hole decides: its share of PED-ANOVA's sum, and 95 % by bootstrap."""

    hole: str
    share: float
    low: float
    high: float
