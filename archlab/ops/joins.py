"""Rules of operators that take several inputs, or part of one."""

from __future__ import annotations

from archlab.errors import ElaborationError
from archlab.ir import Shape, numel, show_shape
from archlab.ops.arguments import channels, needs_map
from archlab.ops.row import Attrs, Shapes


def add_shape(x: Shapes, a: Attrs) -> Shape:
    if any(shape != x[0] for shape in x):
        raise ElaborationError(f"the shapes to add differ: {' and '.join(map(show_shape, x))}")
    return x[0]


def mul_shape(x: Shapes, a: Attrs) -> Shape:
    largest = max(x, key=numel)
    for shape in x:
        if len(shape) != len(largest) or any(n not in (1, full) for n, full in zip(shape, largest, strict=True)):
            raise ElaborationError(f"the shapes to multiply do not fit: {' and '.join(map(show_shape, x))}")
    return largest


def cat_shape(x: Shapes, a: Attrs) -> Shape:
    if any(shape[1:] != x[0][1:] for shape in x):
        raise ElaborationError(f"maps of different size cannot be concatenated: {' and '.join(map(show_shape, x))}")
    return (sum(shape[0] for shape in x), *x[0][1:])


def slice_shape(x: Shapes, a: Attrs) -> Shape:
    if not 0 <= a["start"] < a["stop"] <= channels(x):
        raise ElaborationError(f"channels {a['start']} to {a['stop']} are no part of {channels(x)}")
    return (a["stop"] - a["start"], *x[0][1:])


def upsample_like_shape(x: Shapes, a: Attrs) -> Shape:
    for shape in x:
        needs_map([shape])
    return (channels(x), *x[1][1:])
