"""Parts of the channels, and channels one after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from archlab.lift.canonical.axes import Axes, flat_axes, whole
from archlab.lift.canonical.builder import Builder, described_axes
from archlab.lift.canonical.rules.layouts import atoms_of, settled
from archlab.lift.canonical.rules.rule import Use
from archlab.lift.canonical.values import Operand, UnsayableError, Value


def part(build: Builder, x: Value, dim: int, start: int, stop: int) -> Value:
    """Return steps ``start`` to ``stop`` of an axis: of channels, of groups of them, or all."""
    size = x.shape[dim]
    shape = (*x.shape[:dim], stop - start, *x.shape[dim + 1 :])
    if (start, stop) == (0, size):
        return x
    if not x.axes[dim]:  # it repeats what it has once
        return dataclasses.replace(x, shape=shape)
    atom = atoms_of(x.axes[dim])
    channels = build.shape_of(x.step)[0]
    if atom is None or atom.letter != "c":
        raise UnsayableError(f"it takes part of the axis {dim} of {described_axes(x)}, and not of the channels")
    if atom.size * atom.stride != channels:
        raise UnsayableError("it takes channels that do not lie one after another")
    step = build.add("slice", [x.step], {"start": start * atom.stride, "stop": stop * atom.stride})
    axis = (dataclasses.replace(atom, size=stop - start),) if stop - start > 1 else ()
    axes: Axes = (*x.axes[:dim], axis, *x.axes[dim + 1 :])
    return Value(step, axes, shape)


def chunks(use: Use, build: Builder) -> Operand:
    """All of an axis in pieces, one after another; ``chunk`` and every kind of ``split``."""
    x = build.plain(use.x)
    dim = int(use["dim"] or 0) % len(x.axes)
    found, start = [], 0
    for shape in use.shapes:
        found.append(part(build, x, dim, start, start + shape[dim]))
        start += shape[dim]
    return tuple(found)


def unbind(use: Use, build: Builder) -> Operand:
    x = build.plain(use.x)
    dim = int(use["dim"] or 0) % len(x.axes)
    return tuple(_dropped(part(build, x, dim, i, i + 1), dim) for i in range(len(use.shapes)))


def select(use: Use, build: Builder) -> Operand:
    x = build.plain(use.x)
    dim = int(use["dim"]) % len(x.axes)
    index = int(use["index"]) % x.shape[dim]
    return _dropped(part(build, x, dim, index, index + 1), dim)


def _dropped(x: Value, dim: int) -> Value:
    axes = (*x.axes[:dim], *x.axes[dim + 1 :])
    if x.axes[dim]:
        raise UnsayableError("it takes one image of the batch")
    return dataclasses.replace(x, axes=axes, shape=(*x.shape[:dim], *x.shape[dim + 1 :]))


def sliced(use: Use, build: Builder) -> Operand:
    x = build.plain(use.x)
    dim = int(use["dim"] or 0) % len(x.axes)
    if use.shape == x.shape:
        return x
    if use["step"] not in (1, None):
        raise UnsayableError(f"it takes every {use['step']}th")
    start = int(use["start"] or 0)
    start = start + x.shape[dim] if start < 0 else start
    return part(build, x, dim, start, start + use.shape[dim])


def narrow(use: Use, build: Builder) -> Operand:
    x = build.plain(use.x)
    start = int(use["start"])
    dim = int(use["dim"]) % len(x.axes)
    return part(build, x, dim, start, start + int(use["length"]))


def cat(use: Use, build: Builder) -> Operand:
    """Maps of channels, or features, one after another."""
    values = _values(use, build)
    return joined(build, values, int(use["dim"] or 0) % len(values[0].axes))


def _values(use: Use, build: Builder) -> list[Value]:
    operands: Any = use["tensors"]
    return [build.plain(operand, "one of its inputs") for operand in operands]


def joined(build: Builder, values: Sequence[Value], dim: int) -> Value:
    if len(values) == 1:
        return values[0]
    shapes = [build.shape_of(value.step) for value in values]
    if (
        len(values[0].axes) == 2
        and dim == 1
        and any(
            len(s) == 1 or value.axes == flat_axes(build.batch, s) != (value.axes[0], whole("c", s[0]))
            for value, s in zip(values, shapes, strict=True)
        )
    ):
        return build.value(build.add("cat", [build.features(value) for value in values]))
    for value, shape in zip(values, shapes, strict=True):
        rest = (*value.axes[:dim], *value.axes[dim + 1 :])
        if value.axes[dim] != whole("c", shape[0]) or rest != (*values[0].axes[:dim], *values[0].axes[dim + 1 :]):
            raise UnsayableError(f"it joins along axis {dim} of {described_axes(value)}, and not along the channels")
    steps = [build.as_map(value.step) if len(set(map(len, shapes))) > 1 else value.step for value in values]
    step = build.add("cat", steps)
    axis = whole("c", build.shape_of(step)[0])
    axes: Axes = (*values[0].axes[:dim], axis, *values[0].axes[dim + 1 :])
    return build.value(step, axes)


def stack(use: Use, build: Builder) -> Operand:
    """Maps as groups of channels: a new axis before that of the channels."""
    values = _values(use, build)
    dim = int(use["dim"] or 0) % (len(values[0].axes) + 1)
    c = build.shape_of(values[0].step)[0]
    if dim >= len(values[0].axes) or any(value.axes[dim] != whole("c", c) for value in values):
        raise UnsayableError(f"it stacks along axis {dim}, and not just before the channels")
    flat = joined(build, values, dim)
    shape = (*flat.shape[:dim], len(values), c, *flat.shape[dim + 1 :])
    from archlab.lift.canonical.rules.layouts import viewed

    return settled(build, viewed(build, flat, shape))
