"""What a rule is: from an operator as it was called to steps of the language and the value that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archlab.ir import Shape
from archlab.lift.canonical.builder import Builder, described
from archlab.lift.canonical.values import Operand, UnsayableError, Weight


@dataclass(frozen=True, slots=True)
class Use:
    """One call of an operator, its tensors known as maps, weights or constants.

    Attributes:
        op: the operator's name.
        args: what it was called with, by name.
        shapes: the shapes of its outputs, the batch included.
    """

    op: str
    args: Mapping[str, Operand]
    shapes: tuple[Shape, ...]

    def __getitem__(self, name: str) -> Any:
        return self.args.get(name)

    @property
    def x(self) -> Operand:
        """The first argument."""
        return next(iter(self.args.values()), None)

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.shapes[0]


Rule = Callable[[Use, Builder], Operand]
"""Appends steps and returns the output; a tuple where there are several. Raises UnsayableError with the reason."""


def weight(operand: Operand, what: str) -> Weight:
    """Return a weight that is the model's own, and not computed.

    Raises:
        UnsayableError: it is computed, missing or transposed.
    """
    if isinstance(operand, Weight) and not operand.transposed:
        return operand
    raise UnsayableError(f"its {what} is {described(operand) if operand is not None else 'missing'}")


def given(operand: Operand, what: str) -> Weight | None:
    """Return a weight that may be missing."""
    return None if operand is None else weight(operand, what)


def pair(value: Any) -> tuple[int, int]:
    """Return one number or two as two."""
    if isinstance(value, tuple):
        return (int(value[0]), int(value[-1]))
    return int(value), int(value)


def number(value: Any) -> int | float | None:
    """Return a number that is one; None for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
