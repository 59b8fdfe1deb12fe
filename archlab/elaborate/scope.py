"""What a name means at a place of the text, and the values that names have."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from archlab.elaborate.language import Callee
from archlab.grammar import ast
from archlab.ir import Shape


class Wide(int):
    """A number of channels to which the width multiplier has been applied; arithmetic with it stays so."""


class WideFloat(float):
    """The same, where arithmetic has left a fraction."""


@dataclass(slots=True, eq=False)  # never changed; frozen, it takes six times as long to make
class Scope:
    """Where an expression is evaluated.

    Attributes:
        names: parameters by name, and the values that were named so far: shared by all scopes of a body.
        channels: what ``in`` means: the channels entering the enclosing block or branch.
        callees: the blocks and operators that may be called here.
        own: whether this is the user's text, which errors point at, or the prelude.
        width, depth: the multipliers of the stage.
        prefix: the path of holes here.
        key: the same for two scopes in which every hole-free expression means the same.
        later: whether this is a later copy of a repeat.
    """

    names: dict[str, Bound]
    channels: Wide
    callees: Mapping[str, Callee]
    own: bool
    width: float
    depth: float
    prefix: str
    key: Hashable
    later: bool = False

    def inside(self, channels: int) -> Scope:
        """Return the scope of a branch that ``channels`` channels enter."""
        if channels == self.channels:
            return self
        return self._with(Wide(channels), self.prefix, (self.key, channels), self.later)

    def under(self, prefix: str) -> Scope:
        """Return the same scope for holes under another path."""
        return self._with(self.channels, prefix, (self.key, prefix), self.later)

    def later_copy(self) -> Scope:
        """Return the scope of a second or later copy of a repeat, where what is written as stride counts as 1."""
        return self if self.later else self._with(self.channels, self.prefix, (self.key, "later"), True)

    def frame(self) -> Scope:
        """Return the same scope for a piece whose names end with it."""
        own = dict(self.names)
        return Scope(
            own, self.channels, self.callees, self.own, self.width, self.depth, self.prefix, self.key, self.later
        )

    def _with(self, channels: Wide, prefix: str, key: Hashable, later: bool) -> Scope:
        # Three times as fast as dataclasses.replace, on the path of every draw.
        return Scope(self.names, channels, self.callees, self.own, self.width, self.depth, prefix, key, later)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer as a value: an expression and the scope in which it stands. ``open`` where it holds a hole."""

    expr: ast.Expr
    scope: Scope | None
    open: bool
    key: Hashable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.expr.name if isinstance(self.expr, ast.Name | ast.Call) else "a layer"


@dataclass(slots=True, unsafe_hash=True)  # never changed, as Scope
class Stored:
    """A named value: what gives it once a graph is made, and its shape."""

    value: Hashable
    shape: Shape
    name: str = field(compare=False)

    def __str__(self) -> str:
        return self.name


Bound = int | float | tuple[int, ...] | str | Layer | Stored
"""What a name stands for: a number, a size, the word ``same``, a layer, or a named value."""


def round_to_divisor(value: float, divisor: int) -> int:
    """``value`` rounded to a multiple of ``divisor``, never below 90 % of it (MobileNet's _make_divisible).

    >>> round_to_divisor(32 * 0.35, 8), round_to_divisor(24 * 0.75, 8)
    (16, 24)
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def scaled_repeats(count: int, depth: float) -> int:
    """Return a repeat count under a depth multiplier: rounded up, at least 1."""
    return max(1, math.ceil(count * depth - 1e-9))
