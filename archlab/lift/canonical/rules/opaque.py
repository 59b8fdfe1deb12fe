"""A module that is kept as it is: where its channels, rows and columns lie decides in which layout it has them."""

from __future__ import annotations

from typing import Any

from archlab.ir import Shape
from archlab.lift.canonical.axes import Axes, map_axes
from archlab.lift.canonical.builder import Builder, described_axes
from archlab.lift.canonical.rules.rule import Use
from archlab.lift.canonical.values import Operand, UnsayableError, Weight
from archlab.ops import LAYOUTS, OPAQUE, apply_op

CHANNELS_FIRST, CHANNELS_LAST, TOKENS = LAYOUTS
HELD = "original."
"""What stands before the names of its tensors in the text's module."""


def opaque(use: Use, build: Builder) -> Operand:
    x = build.plain(use.x)
    takes, index = build.shape_of(x.step), int(use["index"])
    if use["macs"] % build.batch:
        raise UnsayableError(f"its {use['macs']:,} MACs are not those of {build.batch} equal images")
    layout = next((name for name in LAYOUTS if x.axes == _axes(name, build.batch, takes)), None)
    if layout is None or len(x.shape) != len(x.axes):
        raise UnsayableError(f"its input is neither a map, channels first or last, nor tokens: {described_axes(x)}")
    out_layout, out = _given(use.shapes[index], layout, takes, build.batch)
    args = {"name": use["name"], "takes": takes, "out": out, "params": use["params"], "layout": layout}
    args |= {"macs": use["macs"] // build.batch, "out_layout": out_layout}
    applied = apply_op(OPAQUE, [takes], args)
    start = len(f"{use['name']}.")
    held = {f"{HELD}{weight.name[start:]}": weight for weight in use["held"] if isinstance(weight, Weight)}
    step = build.append(applied, [x.step], held)
    value = build.value(step, _axes(out_layout, build.batch, out))
    return (*(None for _ in range(index)), value)


def _axes(layout: str, batch: int, shape: Shape) -> Axes:
    n, *rest = map_axes(batch, shape)
    if len(rest) == 1 or layout == CHANNELS_FIRST:
        return (n, *rest)
    c, h, w = rest
    return (n, h, w, c) if layout == CHANNELS_LAST else (n, (*h, *w), c)


def _is_channels_last(shape: Shape, layout: str, takes: Shape) -> bool:
    """Return where a map has its channels: where the other two sides are as those of the input; else, as the input."""
    _, height, width = takes if len(takes) == 3 else (0, 1, 1)
    first, last = shape[2] * width == shape[3] * height, shape[1] * width == shape[2] * height
    return layout == CHANNELS_LAST if first == last else last


def _given(shape: Shape, layout: str, takes: Shape, batch: int) -> tuple[str, Any]:
    """Return the layout and the shape, without the batch, of what a module gives."""
    if shape[:1] != (batch,):
        raise UnsayableError(f"its output of {shape} is not one for each image")
    if len(shape) == 2:
        return layout, shape[1:]
    if len(shape) == 4:
        last = _is_channels_last(shape, layout, takes)
        return (CHANNELS_LAST, (shape[3], *shape[1:3])) if last else (CHANNELS_FIRST, shape[1:])
    if len(shape) == 3 and len(takes) == 3:
        for stride in range(1, max(takes[1:]) + 1):
            height, width = -(-takes[1] // stride), -(-takes[2] // stride)
            if height * width == shape[1]:
                return TOKENS, (shape[2], height, width)
    raise UnsayableError(f"its output of {shape} is neither a map, nor features, nor the tokens of one")
