"""Holes, and the ways to fill them. A draw is a function from a hole to a value."""

from __future__ import annotations

import math
import numbers
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from archlab.errors import InputError, did_you_mean, quote

Value = int | float | str
"""What a hole is filled with: a number, or for a choice of layers the option's label."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A place of the text to fill, under a name that is the same in every draw.

    Attributes:
        name: its path, such as ``stage3.bottleneck.e``.
        labels: the options of a choice; empty for a range.
        lo, hi, step: a range, both ends included; ``step`` 0 means any number between.
        default: what the space takes where nothing else is said.
        searched: whether a search should vary it. The multipliers of a space that has holes of its own, none of which
            is a multiplier, stay at their default.
    """

    name: str
    labels: tuple[Value, ...] = ()
    lo: int | float = 0
    hi: int | float = 0
    step: int | float = 0
    default: Value = 0
    searched: bool = True

    def steps(self) -> int:
        """Return how many steps a stepped range has beyond its first value."""
        return math.floor((self.hi - self.lo) / self.step + 1e-9)

    @property
    def ways(self) -> float:
        """In how many ways it can be filled."""
        return len(self.labels) if self.labels else self.steps() + 1 if self.step else math.inf

    def value_at(self, index: int) -> int | float:
        """Return the value at a step of the range, rounded to the digits of its bounds."""
        value = self.lo + index * self.step
        return value if isinstance(value, int) else round(value, 10)

    def contains(self, value: object) -> bool:
        """Return whether ``value`` may fill the hole; of an unsearched multiplier, any that keeps the network sane."""
        if isinstance(value, bool):
            return False
        if self.labels:
            return any(value == label and isinstance(value, str) == isinstance(label, str) for label in self.labels)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return False
        if not self.searched:
            return 0 < value <= 64
        if isinstance(self.lo, int) and isinstance(self.step, int) and self.step and value != int(value):
            return False
        on_step = not self.step or abs(self.value_at(round((value - self.lo) / self.step)) - value) < 1e-6
        return self.lo - 1e-9 <= value <= self.hi + 1e-9 and on_step

    def describe(self) -> str:
        """Return the values it takes, for messages."""
        if self.labels:
            return "{" + ", ".join(map(str, self.labels)) + "}"
        return f"[{self.lo}..{self.hi}" + (f" step {self.step}]" if self.step else "]")


class Draw(Protocol):
    """Fills one hole; asked at most once per network for each name.

    Holes that are not searched are asked of a draw only where it has a true attribute ``fills_unsearched``.
    """

    def __call__(self, hole: Hole, /) -> Value: ...


def defaults(hole: Hole) -> Value:
    """Return the draw that takes every default; of a reference network, the reference itself."""
    return hole.default


class Fixed:
    """The draw that takes given values, and the default of every hole that is not given.

    Multipliers of a reference may take any positive number, also one that a search would not draw. A name that is no
    hole of the network is refused when the network is elaborated.

    Args:
        values: by the holes' names.

    Raises:
        InputError: ``values`` is no mapping of names.
    """

    fills_unsearched = True

    def __init__(self, values: Mapping[str, Value]) -> None:
        if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
            raise InputError(
                f"values of holes are a mapping of names to values, not {_shown(values)}",
                hint='write them like {"width_mult": 0.5}',
            )
        self.values: dict[str, Value] = {name: _plain(value) for name, value in values.items()}
        self.asked: set[str] = set()

    def __call__(self, hole: Hole) -> Value:
        self.asked.add(hole.name)
        if hole.name not in self.values:
            return hole.default
        value = self.values[hole.name]
        free = hole.name.split(".")[-1] in ("width_mult", "depth_mult") and not hole.labels
        free = free and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 64
        if not (hole.contains(value) or free):
            raise InputError(f"{hole.name} cannot be {_shown(value)}", hint=f"it takes {hole.describe()}")
        return value

    def refuse_unknown(self) -> None:
        """Raise InputError where a given name is no hole of the network just elaborated."""
        for name in self.values:
            if name not in self.asked:
                hint = did_you_mean(name, self.asked) or ("" if self.asked else "it has no holes")
                raise InputError(f"no hole is named {quote(name)} in this draw", hint=hint)


def _plain(value: Any) -> Any:
    """Return a number of numpy's, or of any other library, as Python's; all else as it is."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def _shown(value: object) -> str:
    """Return a value for a message: text in quotes, all else as Python writes it, cut where it is long."""
    return quote(value) if isinstance(value, str) else quote(repr(value))[1:-1]


class Random:
    """The draw that fills every searched hole uniformly, from a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random

    def __call__(self, hole: Hole) -> Value:
        if not hole.searched:
            return hole.default
        if hole.labels:
            return hole.labels[int(self._random() * len(hole.labels))]
        if hole.step:
            return hole.value_at(int(self._random() * (hole.steps() + 1)))
        return hole.lo + self._random() * (hole.hi - hole.lo)


def parse_values(texts: Iterable[str]) -> dict[str, Value]:
    """Read values for ``Fixed`` from texts such as ``width_mult=0.5``; a value that reads as a number is one.

    Raises:
        InputError: a text is not NAME=VALUE.
    """
    values: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{text!r} is not NAME=VALUE", hint="write it like --set width_mult=0.5")
        values[name] = _number(value)
    return values


def _number(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
