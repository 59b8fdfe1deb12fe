"""Upsampling, and what is padded around a map."""

from __future__ import annotations

import dataclasses
from typing import Any

from archlab.lift.canonical.builder import Builder, padding_of
from archlab.lift.canonical.rules.rule import Use, number
from archlab.lift.canonical.values import Operand, Padding, UnsayableError


def nearest(use: Use, build: Builder) -> Operand:
    return _resized(use, build, {})


def bilinear(use: Use, build: Builder) -> Operand:
    return _resized(use, build, {"mode": "bilinear", "align": int(bool(use["align_corners"]))})


def _resized(use: Use, build: Builder, mode: dict[str, Any]) -> Operand:
    """By a whole factor it is an upsampling, else a resizing."""
    x = build.map(use.x)
    old, new = build.shape_of(x.step)[1:], use.shape[2:]
    if (new == old and not mode.get("align")) or new == old:
        return x
    _refuse_own_scale(use, old, new)
    if new[0] % old[0] == 0 and new[1] % old[1] == 0 and new[0] // old[0] == new[1] // old[1]:
        return build.value(build.add("upsample", [x.step], {"scale": new[0] // old[0], **mode}))
    return build.value(build.add("resize", [x.step], {"size": new, **({"mode": "nearest"} | mode)}))


def _refuse_own_scale(use: Use, old: Any, new: Any) -> None:
    """Refuse a factor that the sizes do not tell: what it is called with decides where pixels are taken from."""
    scales = use["scale_factors"]
    if use["size"] is None and use["output_size"] is None and isinstance(scales, tuple) and not use["align_corners"]:
        for scale, before, after in zip(scales, old, new, strict=True):
            if number(scale) is not None and abs(scale * before - after) > 1e-9:
                raise UnsayableError(f"its factor {scale:g} does not take {before} to {after} evenly")


def pad(use: Use, build: Builder) -> Operand:
    """Constant padding: what slides a window over it next says it, or else it is an operator of its own."""
    sides: Any = use["pad"]
    value = number(use["value"]) or 0
    if use["mode"] not in (None, "constant"):
        raise UnsayableError(f"padding of mode {use['mode']}")
    if not any(sides):
        return use.x
    x = build.map(use.x, padded=True)
    before = padding_of(x)
    if x.padding is not None and before.value != value:
        x, before = build.plain(x), Padding(0, 0, 0, 0)
    if any(sides[4:]):
        raise UnsayableError(f"padding of channels or images, {sides}")
    left, right, top, bottom = [*sides[:4], 0, 0, 0, 0][:4]
    if min(left, right, top, bottom) < 0:
        raise UnsayableError(f"padding that cuts off, {sides}")
    around = Padding(before.top + top, before.bottom + bottom, before.left + left, before.right + right, float(value))
    return dataclasses.replace(x, shape=use.shape, padding=around)
