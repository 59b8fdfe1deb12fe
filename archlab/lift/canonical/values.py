"""What tensors are while a trace is read: maps of the language, weights, numbers, or nothing that can be said."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.ir import Shape
from archlab.lift.canonical.axes import Axes


@dataclass(frozen=True, slots=True)
class Padding:
    """What was added around a map and not yet said: rows above and below, columns left and right, all of one value."""

    top: int
    bottom: int
    left: int
    right: int
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Value:
    """A map of the language in a tensor.

    Attributes:
        step: the number of the step that gives it; -1 is the input.
        axes: where its channels, rows and columns lie in the tensor.
        shape: the tensor's shape, which may repeat what its axes have once.
        padding: what lies around it and was not yet said.
    """

    step: int
    axes: Axes
    shape: Shape
    padding: Padding | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter or buffer, perhaps in another shape.

    Attributes:
        transposed: whether it is a matrix with its axes swapped.
        pieces: the sizes of the pieces that the columns of a matrix come in, where the language has these in another
            order; after the swap of the axes.
        order: which of these pieces comes first, second and so on in the language.
    """

    name: str
    shape: Shape
    transposed: bool = False
    pieces: tuple[int, ...] = ()
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Computed:
    """What was computed from weights or constants alone: which, by which operators, and the last one's arguments."""

    names: tuple[str, ...]
    ops: tuple[str, ...]
    shape: Shape
    parts: tuple[Operand, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """What came out of an operator that cannot be said."""

    shape: Shape


Operand = Value | Weight | Computed | Unknown | bool | int | float | complex | str | tuple["Operand", ...] | None


class UnsayableError(Exception):
    """An operator cannot be said in the language; the message is the reason."""
