"""What moves the axes of a tensor: views, permutations, and the channel shuffle that they make together."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from archlab.ir import Shape
from archlab.lift.canonical.axes import Atom, Axes, Axis, letters, map_axes, regroup, size_of
from archlab.lift.canonical.builder import Builder, described_axes
from archlab.lift.canonical.rules.rule import Use
from archlab.lift.canonical.values import Computed, Operand, UnsayableError, Value, Weight


def view(use: Use, build: Builder) -> Operand:
    """Any view, squeeze, unsqueeze or flattening: the shape of the output says it all."""
    x = use.x
    if isinstance(x, Weight):
        return dataclasses.replace(x, shape=use.shape) if not x.transposed else computed(use, x)
    if isinstance(x, Value) and x.shape == use.shape:
        return x
    return viewed(build, build.plain(x), use.shape)


def viewed(build: Builder, x: Value, shape: Shape) -> Value:
    """Return a value as ``shape``."""
    if any(size_of(axis) != size for axis, size in zip(x.axes, x.shape, strict=True)):
        if math.prod(x.shape) != math.prod(shape) or [n for n in x.shape if n > 1] != [n for n in shape if n > 1]:
            raise UnsayableError("it is a view of what repeats a value")
        return _with_ones(x, shape)
    axes = regroup(x.axes, shape)
    if axes is None:
        raise UnsayableError(f"a view as {shape} cuts across the axes {described_axes(x)}")
    return settled(build, dataclasses.replace(x, axes=axes, shape=shape))


def _with_ones(x: Value, shape: Shape) -> Value:
    """Return a value that repeats, with axes of one step put in or taken out."""
    kept = [axis for axis, size in zip(x.axes, x.shape, strict=True) if size > 1]
    axes: list[Axis] = [kept.pop(0) if size > 1 else () for size in shape]
    return dataclasses.replace(x, axes=tuple(axes), shape=shape)


def settled(build: Builder, x: Value) -> Value:
    """Say a shuffle of channels where the axes are those of a map but for the order of its channels."""
    shape = build.shape_of(x.step)
    expected = map_axes(build.batch, shape)
    if len(shape) != 3 or len(x.axes) != 4 or x.axes == expected:
        return x
    channels: Axis = x.axes[1]
    if (x.axes[0], *x.axes[2:]) != (expected[0], *expected[2:]) or letters(channels) != {"c"} or len(channels) != 2:
        return x
    fast, slow = channels
    if (fast.stride, slow.stride, fast.size * slow.size) != (1, fast.size, shape[0]):
        return x
    step = build.add("shuffle", [x.step], {"g": slow.size})
    return dataclasses.replace(x, step=step, axes=expected)


def permute(use: Use, build: Builder) -> Operand:
    return _reordered(use, build, tuple(use["dims"]))


def transpose(use: Use, build: Builder) -> Operand:
    rank = len(use.shape)
    _, a, b = (value if isinstance(value, int) else 0 for value in use.args.values())  # dim0 and dim1, or axis0, axis1
    a, b = a % rank, b % rank
    order = list(range(rank))
    order[a], order[b] = b, a
    return _reordered(use, build, tuple(order))


def matrix_transposed(use: Use, build: Builder) -> Operand:
    return _reordered(use, build, (1, 0) if len(use.shape) == 2 else (0,))


def movedim(use: Use, build: Builder) -> Operand:
    rank = len(use.shape)
    source, target = (_listed(use[name], rank) for name in ("source", "destination"))
    order = [i for i in range(rank) if i not in source]
    for to, of in sorted(zip(target, source, strict=True)):
        order.insert(to, of)
    return _reordered(use, build, tuple(order))


def _listed(value: Any, rank: int) -> list[int]:
    return [int(v) % rank for v in (value if isinstance(value, tuple) else (value,))]


def _reordered(use: Use, build: Builder, order: tuple[int, ...]) -> Operand:
    x = use.x
    rank = len(order)
    order = tuple(i % rank for i in order)
    if isinstance(x, Weight):
        wide = [i for i in order if x.shape[i] > 1]
        if wide == sorted(wide):
            return dataclasses.replace(x, shape=use.shape)
        if len(x.shape) == 2:
            return dataclasses.replace(x, shape=use.shape, transposed=not x.transposed)
        return computed(use, x)
    x = build.plain(x)
    axes: Axes = tuple(x.axes[i] for i in order)
    return dataclasses.replace(x, axes=axes, shape=tuple(x.shape[i] for i in order))


def expand(use: Use, build: Builder) -> Operand:
    """Repetition without copies: the axes keep what they have once."""
    x = use.x
    if isinstance(x, Weight):
        return x if x.shape == use.shape else computed(use, x)
    x = build.plain(x)
    axes: Axes = ((),) * (len(use.shape) - len(x.axes)) + x.axes
    return dataclasses.replace(x, axes=axes, shape=use.shape)


def channel_shuffle(use: Use, build: Builder) -> Operand:
    x = build.map(use.x)
    if use["groups"] in (1, build.shape_of(x.step)[0]):
        return x
    return build.value(build.add("shuffle", [x.step], {"g": use["groups"]}))


def computed(use: Use, *operands: Operand) -> Computed:
    """Return what an operator makes of weights and constants alone."""
    names = [name for operand in operands for name in _names(operand)]
    ops = [op for operand in operands if isinstance(operand, Computed) for op in operand.ops]
    parts = tuple(use.args.values())
    return Computed(tuple(dict.fromkeys(names)), (*ops[-8:], use.op), use.shape if use.shapes else (), parts)


def _names(operand: Operand) -> tuple[str, ...]:
    if isinstance(operand, Weight):
        return (operand.name,)
    return operand.names if isinstance(operand, Computed) else ()


def atoms_of(axis: Axis) -> Atom | None:
    """Return the one piece of an axis; None where it has none or several."""
    return axis[0] if len(axis) == 1 else None
