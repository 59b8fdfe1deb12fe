"""Rules of operators that take several inputs, or part of one."""

from __future__ import annotations

from archlab.errors import ElaborationError
from archlab.ir import Shape, show_shape
from archlab.ops.arguments import channels, needs_map, whole
from archlab.ops.row import Attrs, Shapes


def add_shape(x: Shapes, a: Attrs) -> Shape:
    return _stretched(x, f"the shapes to add differ: {' and '.join(map(show_shape, x))}")


def sub_shape(x: Shapes, a: Attrs) -> Shape:
    return _stretched(x, f"the shapes to subtract differ: {' and '.join(map(show_shape, x))}")


def mul_shape(x: Shapes, a: Attrs) -> Shape:
    return _stretched(x, f"the shapes to multiply do not fit: {' and '.join(map(show_shape, x))}")


def _stretched(x: Shapes, problem: str) -> Shape:
    """Return the shape to which all stretch: along each axis, 1 is as long as the longest."""
    if any(len(shape) != len(x[0]) for shape in x):
        raise ElaborationError(problem)
    full = tuple(map(max, zip(*x, strict=True)))
    if any(n not in (1, most) for shape in x for n, most in zip(shape, full, strict=True)):
        raise ElaborationError(problem)
    return full


def cat_shape(x: Shapes, a: Attrs) -> Shape:
    if any(shape[1:] != x[0][1:] for shape in x):
        raise ElaborationError(f"maps of different size cannot be concatenated: {' and '.join(map(show_shape, x))}")
    return (sum(shape[0] for shape in x), *x[0][1:])


def slice_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"start": whole(a, "start", least=0), "stop": whole(a, "stop")}


def slice_shape(x: Shapes, a: Attrs) -> Shape:
    if not 0 <= a["start"] < a["stop"] <= channels(x):
        raise ElaborationError(f"channels {a['start']} to {a['stop']} are no part of {channels(x)}")
    return (a["stop"] - a["start"], *x[0][1:])


def upsample_like_shape(x: Shapes, a: Attrs) -> Shape:
    for shape in x:
        needs_map([shape])
    return (channels(x), *x[1][1:])
