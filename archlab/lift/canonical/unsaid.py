"""Operators that the language cannot say, as steps of what they are, so that what follows them can still be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archlab.ir import Applied, Shape
from archlab.lift.canonical.axes import Atom, Axes, map_axes, size_of, whole
from archlab.lift.canonical.builder import Builder
from archlab.lift.canonical.values import Computed, Operand, Unknown, Value, Weight
from archlab.lift.trace import Call


def unsaid(build: Builder, call: Call, args: Mapping[str, Operand], always: bool) -> tuple[Operand, ...]:
    """Append an operator that cannot be said as what it is, and return its outputs.

    Args:
        always: whether outputs of which it is not known where their channels lie are values too, in the usual order.
    """
    operands = list(leaves_in(tuple(args.values())))
    inputs = [operand.step for operand in operands if isinstance(operand, Value)]
    plain = {name: _told(value) for name, value in args.items() if not isinstance(value, Value | Weight | Computed)}
    held = {o.name.rpartition(".")[2]: o for o in operands if isinstance(o, Weight)}
    found: list[Operand] = []
    for index, shape in enumerate(call.shapes):
        axes = _guess(build.batch, shape, operands)
        if axes is None and always:
            axes = _usual(shape)
        if axes is None:
            found.append(Unknown(shape))
            continue
        macs = call.macs // build.batch if index == 0 else 0
        applied = _applied(f"aten.{call.op}", {**plain, "output": index}, axes, held if index == 0 else {}, macs)
        found.append(Value(build.append(applied, inputs, held if index == 0 else {}), axes, shape))
    return tuple(found)


def further_input(build: Builder, number: int, shape: Shape) -> Value:
    """Append what stands for an input beside the images, such as boxes."""
    axes = _usual(shape)
    return Value(build.append(_applied("input", {"number": number}, axes, {}, 0), [], {}), axes, shape)


def rows_of(args: Mapping[str, Operand]) -> int | None:
    """Return how many images or boxes an operator is run on; None where it takes nothing computed of them."""
    values = (operand for operand in leaves_in(tuple(args.values())) if isinstance(operand, Value))
    return next((size_of(value.axes[0]) for value in values if value.axes), None)


def leaves_in(operands: Sequence[Operand]) -> Iterator[Operand]:
    """Yield operands, and those in tuples one by one."""
    for operand in operands:
        if isinstance(operand, tuple):
            yield from leaves_in(operand)
        else:
            yield operand


def _told(value: Operand) -> str:
    """Return an argument as text; what is computed or a weight by its kind, since its name and number say nothing."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_told, value))})"
    return type(value).__name__ if isinstance(value, Value | Weight | Computed | Unknown) else repr(value)


def _applied(op: str, attrs: Mapping[str, Any], axes: Axes, held: Mapping[str, Weight], macs: int) -> Applied:
    sizes = dict.fromkeys("chw", 1)
    for atom in (atom for axis in axes for atom in axis if atom.letter != "n"):
        sizes[atom.letter] *= atom.size
    shape = (sizes["c"],) if len(axes) == 2 else (sizes["c"], sizes["h"], sizes["w"])
    weights = {name: weight.shape for name, weight in held.items()}
    return Applied(op=op, attrs=attrs, shape=shape, weights=weights, buffers={}, macs=macs, other=0, activations=0)


def _guess(batch: int, shape: Shape, operands: Sequence[Operand]) -> Axes | None:
    """Return the axes of an output of which nothing is known: those of an input of its shape, or the usual ones."""
    for operand in operands:
        if isinstance(operand, Value) and operand.shape == shape and operand.padding is None:
            return operand.axes
    usual = map_axes(shape[0], shape[1:]) if len(shape) in (2, 4) and shape[0] == batch else None
    return usual if usual is not None and math.prod(map(size_of, usual)) == math.prod(shape) else None


def _usual(shape: Shape) -> Axes:
    """Return (N, C, H, W) as far as a shape goes; where it has more axes, all but the first are of channels."""
    if len(shape) <= 4:
        return map_axes(shape[0], shape[1:]) if shape else ()
    pieces = [(Atom("c", size, math.prod(shape[i + 2 :])),) if size > 1 else () for i, size in enumerate(shape[1:])]
    return whole("n", shape[0]), *pieces
