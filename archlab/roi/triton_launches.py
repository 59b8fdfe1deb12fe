"""Launches of the Triton kernels: one for a forward, and for a transpose one for the tables and one per level.

Nothing here asks the device for a number, so that the host never waits for it: every size follows from shapes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archlab.roi.geometry import LINEAR_MODES, POOL_MODES, Geometry
from archlab.roi.layouts import accumulate_dtype, is_channels_last
from archlab.roi.triton_arguments import (
    BLOCK,
    COMPILER_OPTIONS,
    SCAN,
    TILE_X,
    TILE_Y,
    WARP_BLOCK,
    box_levels,
    launching_on,
    level_maps,
    level_numbers,
    power_of_two,
    unit_of,
)
from archlab.roi.triton_average import average_kernel, product_kernel
from archlab.roi.triton_box_tables import Sizes, Tables, box_tables, grouped, table_parts
from archlab.roi.triton_boxes import LEVELS, MODES
from archlab.roi.triton_choices import chosen_kernel
from archlab.roi.triton_maxima import pooled_maximum_kernel, sampled_maximum_kernel
from archlab.roi.triton_transposes import spread_choices_kernel, spread_kernel


def launches(g: Geometry, choice: Tensor | None, tangents: Tensor | None, levels: int) -> bool:
    """Return whether the kernels compute this: no derivative of the operator, and no more levels than they take."""
    return tangents is None and levels <= LEVELS and (choice is None or g.mode not in LINEAR_MODES)


def launch_forward(features: list[Tensor], boxes: Tensor, levels: Tensor | None, g: Geometry) -> Tensor:
    """Return (K, C, P, Q) in the first map's dtype and layout: averages, integrals or maxima."""
    if g.mode == "prroi":
        return _launch_product(features, boxes, levels, g)
    if g.mode != "avg":
        return launch_maximum(features, boxes, levels, g, coded=False)[0]
    out = _bins(features, len(boxes), g, features[0].dtype)
    _launch(average_kernel, features, boxes, levels, g, (out,), ROW=power_of_two(g.bins[1]), **_samples(g))
    return _in_layout(out, features[0])


def launch_maximum(
    features: list[Tensor], boxes: Tensor, levels: Tensor | None, g: Geometry, coded: bool
) -> tuple[Tensor, Tensor]:
    """Return the maxima (K, C, P, Q), and where ``coded`` which sample or pixel each is, int32 (else no numbers)."""
    out = _bins(features, len(boxes), g, features[0].dtype)
    choice = _bins(features, len(boxes) if coded else 0, g, torch.int32)
    kernel = pooled_maximum_kernel if g.mode in POOL_MODES else sampled_maximum_kernel
    kinds = {"MODE": MODES[g.mode], "CODED": coded, "ROW": power_of_two(g.bins[1])}
    if g.mode not in POOL_MODES:
        kinds |= _samples(g)
    _launch(kernel, features, boxes, levels, g, (out, choice), **kinds)
    return _in_layout(out, features[0]), _in_layout(choice, features[0])


def launch_chosen(features: list[Tensor], choice: Tensor, boxes: Tensor, levels: Tensor | None, g: Geometry) -> Tensor:
    """Return (K, C, P, Q): the values of given choices."""
    out = _bins(features, len(boxes), g, features[0].dtype)
    choice = choice.permute(0, 2, 3, 1).contiguous()
    _launch(chosen_kernel, features, boxes, levels, g, (out, choice), MODE=MODES[g.mode], **_samples(g))
    return _in_layout(out, features[0])


def launch_transposed(
    grad: Tensor,
    choice: Tensor | None,
    boxes: Tensor,
    levels: Tensor | None,
    sizes: Sizes,
    channels_last: bool,
    g: Geometry,
) -> list[Tensor]:
    """Return the transpose of the average and the integral, or of given choices: (N, C, H_l, W_l) per level."""
    rows = grad.permute(0, 2, 3, 1).contiguous()
    chosen = None if choice is None else choice.permute(0, 2, 3, 1).contiguous()
    # A maximum needs no weights, and so no parts.
    parts = table_parts(len(boxes), sizes, g) if choice is None else [slice(0, len(boxes))]
    dtype = grad.dtype if len(parts) == 1 else accumulate_dtype(grad.dtype)
    fill = torch.empty if len(boxes) and rows.numel() else torch.zeros
    out = [fill((n, h, w, grad.shape[1]), dtype=dtype, device=grad.device) for n, h, w in sizes]
    for number, part in enumerate(parts if rows.numel() else []):
        some = None if levels is None else levels[part]
        weights = accumulate_dtype(grad.dtype) if choice is None else None
        tables = box_tables(boxes[part], some, sizes, g, weights)
        member, begin = grouped(tables.group, len(sizes) * sizes[0][0])
        for level, into in enumerate(out):
            values = (rows[part],) if chosen is None else (rows, chosen)
            _launch_spread(values, tables, member, begin, into, level, g, sizes, adding=number > 0)
    permuted = [x.to(grad.dtype).permute(0, 3, 1, 2) for x in out]
    return permuted if channels_last else [x.contiguous() for x in permuted]


def _launch(
    kernel: Any,
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor | None,
    g: Geometry,
    values: tuple[Tensor, ...],
    **kinds: Any,
) -> None:
    """Launch a kernel of which a program owns one box and ``BLOCK`` channels."""
    first = features[0]
    c, unit = first.shape[1], unit_of(first.shape[1])
    if not values[0].numel():
        return
    with launching_on(first):
        kernel[(len(boxes), -(-c // BLOCK))](
            *level_maps(features), boxes.contiguous(), box_levels(boxes, levels), *values,
            *level_numbers([tuple(x.shape[2:]) for x in features], g), c // unit, first.shape[0],
            UNIT=unit, P=g.bins[0], Q=g.bins[1], LEVEL_COUNT=len(features),
            BLOCK=BLOCK, num_warps=2 if first.element_size() == 2 else 4, **kinds, **COMPILER_OPTIONS,
        )  # fmt: skip


def _launch_product(features: list[Tensor], boxes: Tensor, levels: Tensor | None, g: Geometry) -> Tensor:
    first, (p, q) = features[0], g.bins
    c, unit = first.shape[1], unit_of(first.shape[1])
    sizes = [(x.shape[0], x.shape[2], x.shape[3]) for x in features]
    out = _bins(features, len(boxes), g, first.dtype)
    maps = level_maps(features)
    for part in table_parts(len(boxes), sizes, g) if out.numel() else []:
        some = None if levels is None else levels[part]
        tables = box_tables(boxes[part], some, sizes, g, accumulate_dtype(first.dtype))
        with launching_on(first):
            product_kernel[(len(tables.group) * p * q, -(-c // WARP_BLOCK))](
                *maps, tables.place, *tables.runs, *tables.weights, out[part], c // unit, *tables.longest,
                UNIT=unit, P=p, Q=q, LEVEL_COUNT=len(features), BLOCK=WARP_BLOCK, num_warps=1,
                **COMPILER_OPTIONS,
            )  # fmt: skip
    return _in_layout(out, first)


def _launch_spread(
    values: tuple[Tensor, ...],
    tables: Tables,
    member: Tensor,
    begin: Tensor,
    into: Tensor,
    level: int,
    g: Geometry,
    sizes: Sizes,
    adding: bool,
) -> None:
    (n, h, w), c, (p, q) = sizes[level], into.shape[3], g.bins
    if not into.numel():
        return
    grid = (n * -(-h // TILE_Y) * -(-w // TILE_X), -(-c // WARP_BLOCK))
    unit = unit_of(c)
    same = {
        "UNIT": unit, "P": p, "Q": q, "ROW_P": power_of_two(p), "ROW_Q": power_of_two(q),
        "TILE_Y": TILE_Y, "TILE_X": TILE_X, "BLOCK": WARP_BLOCK, "SCAN": SCAN, "num_warps": 1, **COMPILER_OPTIONS,
    }  # fmt: skip
    where = (*tables.runs, tables.bounds, member, begin, into, c // unit, level * n, h, w)
    with launching_on(into):
        if len(values) == 1:
            spread_kernel[grid](*values, *tables.weights, *where, *tables.longest, ADDING=adding, **same)
        else:
            kinds = {"SAMPLING": max(g.sampling_ratio, 0), "MODE": MODES[g.mode]}
            spread_choices_kernel[grid](*values, tables.intervals, *where, **kinds, **same)


def _bins(features: list[Tensor], boxes: int, g: Geometry, dtype: torch.dtype) -> Tensor:
    """Return an output (K, P, Q, C), not yet filled."""
    first = features[0]
    return torch.empty((boxes, *g.bins, first.shape[1]), dtype=dtype, device=first.device)


def _in_layout(out: Tensor, first: Tensor) -> Tensor:
    """Return (K, P, Q, C) as (K, C, P, Q) in the layout of the first map."""
    result = out.permute(0, 3, 1, 2)
    return result if is_channels_last(first) else result.contiguous()


def _samples(g: Geometry) -> dict[str, int]:
    return {"SAMPLING": max(g.sampling_ratio, 0), "ALIGNED": g.aligned}
