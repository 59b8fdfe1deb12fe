"""Sums, differences and products: of maps, with numbers, with weights."""

from __future__ import annotations

import math

from archlab.lift.canonical.axes import aligned, size_of, whole
from archlab.lift.canonical.builder import Builder, described_axes
from archlab.lift.canonical.rules.rule import Use, number
from archlab.lift.canonical.values import Operand, UnsayableError, Value, Weight


def add(use: Use, build: Builder) -> Operand:
    a, b = use["self"], use["other"]
    alpha = number(use["alpha"])
    if alpha not in (1, None):
        b = times(build, b, alpha)
    return plus(build, a, b)


def plus(build: Builder, a: Operand, b: Operand) -> Operand:
    """The sum of two maps, or of a map and a number."""
    if isinstance(a, Value) and isinstance(b, Value):
        return combined(build, "add", a, b)
    if number(a) is not None:
        a, b = b, a
    n = number(b)
    if n is None:
        return combined(build, "add", a, b)
    if n == 0:
        return a
    if not math.isfinite(n):
        raise UnsayableError(f"a sum with {n} cannot be said")
    x = build.plain(a)
    return build.value(build.add("offset", [x.step], {"x": n}), x.axes)


def sub(use: Use, build: Builder) -> Operand:
    a, b = use["self"], use["other"]
    alpha = number(use["alpha"])
    if alpha not in (1, None):
        b = times(build, b, alpha)
    n = number(b)
    return combined(build, "sub", a, b) if n is None else plus(build, a, -n)


def rsub(use: Use, build: Builder) -> Operand:
    alpha = number(use["alpha"])
    return plus(build, times(build, use["self"], -1 if alpha is None else -alpha), use["other"])


def neg(use: Use, build: Builder) -> Operand:
    return times(build, use.x, -1)


def mul(use: Use, build: Builder) -> Operand:
    a, b = use["self"], use["other"]
    if isinstance(a, Value) and isinstance(b, Value):
        return combined(build, "mul", a, b)
    if not isinstance(a, Value):
        a, b = b, a
    if isinstance(b, Weight):
        return _scaled(build, a, b)
    n = number(b)
    return combined(build, "mul", a, b) if n is None else times(build, a, n)


def times(build: Builder, a: Operand, n: int | float) -> Operand:
    """The product with a number."""
    if n == 1:
        return a
    if not math.isfinite(n):
        raise UnsayableError(f"a product with {n} cannot be said")
    x = build.plain(a)
    return build.value(build.add("factor", [x.step], {"x": n}), x.axes)


def div(use: Use, build: Builder) -> Operand:
    n = number(use["other"])
    if n is None or use["rounding_mode"] is not None:
        raise UnsayableError("only a quotient by a number can be said")
    return times(build, use["self"], 1 / n)


def _scaled(build: Builder, a: Operand, factors: Weight) -> Operand:
    """A learned factor for each channel."""
    x = build.plain(a)
    c = build.shape_of(x.step)[0]
    if factors.transposed or math.prod(factors.shape) != c:
        raise UnsayableError(f"it multiplies by the weight {factors.name} of {factors.shape}, not one for each channel")
    shape = (1,) * (len(x.axes) - len(factors.shape)) + factors.shape
    fits = len(shape) == len(x.axes) and all(
        n == 1 or axis == whole("c", c) for n, axis in zip(shape, x.axes, strict=True)
    )
    if not fits:
        raise UnsayableError(f"the weight {factors.name} of {factors.shape} does not lie along the channels")
    return build.value(build.add("scale", [x.step], {}, weight=factors), x.axes)


def combined(build: Builder, op: str, a: Operand, b: Operand) -> Value:
    """Two maps element by element; along an axis, one place stretches over all."""
    x, y = build.plain(a), build.plain(b, "its second input")
    axes = aligned(x.axes, y.axes)
    if axes is None:
        raise UnsayableError(f"it combines {described_axes(x)} with {described_axes(y)}")
    for value in (x, y):
        rank = len(value.axes)
        if any(size_of(axis) != full for axis, full in zip(axes[-rank:], value.shape, strict=True) if full > 1):
            raise UnsayableError("it combines what repeats a value")
    steps = [x.step, y.step]
    if len({len(build.shape_of(step)) for step in steps}) > 1:
        steps = [build.as_map(step) for step in steps]
    step = build.add(op, steps)
    return build.value(step, axes)
