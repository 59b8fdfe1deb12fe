"""What a row of the operators' table says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from archlab.ir import Shape

Attrs = Mapping[str, Any]
Shapes = Sequence[Shape]
Stride = tuple[Fraction, Fraction]
"""Pixels of an operator's input per pixel of its output, down and across; below 1 where it upsamples."""
ONE, TWO, MANY = range(1, 2), range(2, 3), range(1, 2**31)
"""How many inputs an operator may take."""
REQUIRED = object()
"""Marks a parameter without a default."""


def nothing(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {}


def zero(x: Shapes, y: Shape, a: Attrs) -> int:
    return 0


def same_shape(x: Shapes, a: Attrs) -> Shape:
    return x[0]


@dataclass(frozen=True, slots=True)
class Op:
    """A row of the table.

    Attributes:
        signature: parameter names in order, with their defaults (``REQUIRED`` for none).
        attrs: the arguments, checked and resolved, from the inputs' shapes and the arguments as given.
        shape: the output's shape.
        weights: the parameters' shapes by name.
        buffers: the buffers' shapes by name.
        macs: multiply-accumulates for one image.
        other: norm and pooling arithmetic for one image, as fvcore counts it.
        fvcore: the name under which fvcore counts it, if it does.
        fvcore_other: the name under which fvcore counts ``other``, from the arguments, where that is another.
        stride: pixels of the input per pixel of the output, (y, x); None where the output is no map of places.
        view: the output is the input's memory, or part of it.
        arity: how many inputs it may take.
        joins: takes several inputs; written as a form of the language, not as a call.
    """

    signature: Mapping[str, Any]
    attrs: Callable[[Shapes, Attrs], Attrs] = lambda x, a: a
    shape: Callable[[Shapes, Attrs], Shape] = same_shape
    weights: Callable[[Shapes, Attrs], dict[str, Shape]] = nothing
    buffers: Callable[[Shapes, Attrs], dict[str, Shape]] = nothing
    macs: Callable[[Shapes, Shape, Attrs], int] = zero
    other: Callable[[Shapes, Shape, Attrs], int] = zero
    fvcore: str | None = None
    fvcore_other: Callable[[Attrs], str] | None = None
    stride: Callable[[Attrs], Stride | None] = lambda a: (Fraction(1), Fraction(1))
    view: bool = False
    arity: range = ONE
    joins: bool = False
