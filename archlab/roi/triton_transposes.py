"""The transposes in Triton: every pixel of a map is written once, by one program, without atomics.

A program owns a tile of pixels and a block of channels, and adds what each box of its image and level gives to them, in
the order of the boxes. Which boxes touch the tile is read from ``triton_tables``.
"""

# Triton reads types from annotations of its own, and writes its constants in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# ruff: noqa: N803, SIM109
from __future__ import annotations

import triton
import triton.language as tl

from archlab.roi.triton_boxes import CAFFE, ONNX_MAX, PARTITION
from archlab.roi.triton_choices import chosen_axis, sample_of


@triton.jit
def _tile(height, width, TILE_Y: tl.constexpr, TILE_X: tl.constexpr):
    """Return the image of a program's tile, its first row and column, and the rows and columns of its pixels."""
    across = tl.cdiv(width, TILE_X)
    tiles = tl.cdiv(height, TILE_Y) * across
    number = tl.program_id(0)
    image = number // tiles
    top = number % tiles // across * TILE_Y
    left = number % tiles % across * TILE_X
    pixel = tl.arange(0, TILE_Y * TILE_X)
    return image, top, left, top + pixel // TILE_X, left + pixel % TILE_X


@triton.jit
def _overlap(bounds, k, live, top, left, TILE_Y: tl.constexpr, TILE_X: tl.constexpr):
    """Return 1 where a box reads pixels of the tile."""
    first = tl.load(bounds + k * 4, mask=live, other=0)
    end = tl.load(bounds + k * 4 + 1, mask=live, other=0)
    found = live & (first < top + TILE_Y) & (end > top)
    first = tl.load(bounds + k * 4 + 2, mask=live, other=0)
    end = tl.load(bounds + k * 4 + 3, mask=live, other=0)
    return (found & (first < left + TILE_X) & (end > left)).to(tl.int32)


@triton.jit
def _bins_of(runs, begin, length, BINS: tl.constexpr, ROW: tl.constexpr):
    """Return the first bin that reads any of ``length`` pixels from ``begin`` on, and the end of those bins."""
    p = tl.arange(0, ROW)
    first = tl.load(runs + p * 2, mask=p < BINS, other=0)
    end = tl.load(runs + p * 2 + 1, mask=p < BINS, other=0)
    touch = (first < begin + length) & (end > begin) & (first < end)
    return tl.min(tl.where(touch, p, BINS), 0), tl.max(tl.where(touch, p + 1, 0), 0)


@triton.jit
def _store(out, total, image, y, x, height, width, c, channels, ADDING: tl.constexpr):
    inside = ((y < height) & (x < width))[:, None] & (c < channels)[None, :]
    pixel = (image.to(tl.int64) * height + y) * width + x
    to = out + pixel[:, None] * channels + c[None, :]
    if ADDING:
        total += tl.load(to, mask=inside, other=0.0).to(total.dtype)
    tl.store(to, total.to(out.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["group", "height", "width", "longest_y", "longest_x"])
def spread_kernel(
    grad, weights_y, weights_x, runs_y, runs_x, bounds, member, begin, out, units, group, height, width,
    longest_y, longest_x,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, ROW_P: tl.constexpr, ROW_Q: tl.constexpr,
    TILE_Y: tl.constexpr, TILE_X: tl.constexpr,
    BLOCK: tl.constexpr, SCAN: tl.constexpr, ADDING: tl.constexpr,
):  # fmt: skip
    """Store the gradient of one level (N, H, W, C), or add to it: each pixel the sum of its weighted bins.

    Args:
        grad: (K, P, Q, C). units, UNIT: as in ``average_kernel``.
        weights_y, weights_x, runs_y, runs_x, bounds: the tables of ``tables_kernel``.
        member, begin: the boxes sorted by group, and where each group begins among them.
        group: of the level's first image.
        SCAN: boxes that are looked at together.
    """
    image, top, left, y, x = _tile(height, width, TILE_Y, TILE_X)
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros([TILE_Y * TILE_X, BLOCK], dtype=weights_y.dtype.element_ty)
    last = tl.load(begin + group + image + 1)
    for some in range(tl.load(begin + group + image), last, SCAN):
        scanned = some + tl.arange(0, SCAN)
        boxes = tl.load(member + scanned, mask=scanned < last, other=0)
        if tl.max(_overlap(bounds, boxes, scanned < last, top, left, TILE_Y, TILE_X), 0) > 0:
            for m in range(some, tl.minimum(some + SCAN, last)):
                k = tl.load(member + m)
                if _overlap(bounds, k, k >= 0, top, left, TILE_Y, TILE_X) > 0:
                    p_first, p_end = _bins_of(runs_y + k * (P * 2), top, TILE_Y, P, ROW_P)
                    q_first, q_end = _bins_of(runs_x + k * (Q * 2), left, TILE_X, Q, ROW_Q)
                    for p in range(p_first, p_end):
                        row = weights_y + (k * P + p) * longest_y
                        weight_y = tl.load(row + y[:, None], mask=(y < height)[:, None], other=0.0)
                        for q in range(q_first, q_end):
                            column = weights_x + (k * Q + q) * longest_x
                            weight = weight_y * tl.load(column + x[:, None], mask=(x < width)[:, None], other=0.0)
                            from_ = grad + ((k * P + p) * Q + q) * channels + c[None, :]
                            value = tl.load(from_, mask=(c < channels)[None, :], other=0.0).to(total.dtype)
                            # 0 times infinity is not 0.
                            total = tl.where(weight != 0, tl.fma(weight, value, total), total)
    _store(out, total, image, y, x, height, width, c, channels, ADDING)


@triton.jit(do_not_specialize=["group", "height", "width"])
def spread_choices_kernel(
    grad, choice, interval_of, runs_y, runs_x, bounds, member, begin, out, units, group, height, width,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, ROW_P: tl.constexpr, ROW_Q: tl.constexpr,
    SAMPLING: tl.constexpr, MODE: tl.constexpr, TILE_Y: tl.constexpr, TILE_X: tl.constexpr,
    BLOCK: tl.constexpr, SCAN: tl.constexpr,
):  # fmt: skip
    """Store the gradient of one level where each output chose its pixels: ``choice`` (K, P, Q, C) int32."""
    image, top, left, y, x = _tile(height, width, TILE_Y, TILE_X)
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside_c = c < channels
    wide = tl.float64 if out.dtype.element_ty == tl.float64 else tl.float32
    total = tl.zeros([TILE_Y * TILE_X, BLOCK], dtype=wide)
    last = tl.load(begin + group + image + 1)
    for some in range(tl.load(begin + group + image), last, SCAN):
        scanned = some + tl.arange(0, SCAN)
        boxes = tl.load(member + scanned, mask=scanned < last, other=0)
        if tl.max(_overlap(bounds, boxes, scanned < last, top, left, TILE_Y, TILE_X), 0) > 0:
            for m in range(some, tl.minimum(some + SCAN, last)):
                k = tl.load(member + m)
                if _overlap(bounds, k, k >= 0, top, left, TILE_Y, TILE_X) > 0:
                    p_first, p_end = _bins_of(runs_y + k * (P * 2), top, TILE_Y, P, ROW_P)
                    q_first, q_end = _bins_of(runs_x + k * (Q * 2), left, TILE_X, Q, ROW_Q)
                    for p in range(p_first, p_end):
                        for q in range(q_first, q_end):
                            at = ((k * P + p) * Q + q) * channels + c
                            code = tl.load(choice + at, mask=inside_c, other=-1)
                            value = tl.load(grad + at, mask=inside_c, other=0.0).to(wide)
                            # fmt: off
                            weight = _chosen_weight(code, interval_of + k * 4, p, q, y, x, height, width, SAMPLING,
                                                    MODE).to(wide)
                            # fmt: on
                            total = tl.where(weight != 0, tl.fma(weight, value[None, :], total), total)
    _store(out, total, image, y, x, height, width, c, channels, False)


@triton.jit
def _chosen_weight(code, placed, p, q, y, x, height, width, SAMPLING: tl.constexpr, MODE: tl.constexpr):
    """Return what pixels (T,) weigh in the choices (BLOCK,) of one bin: (T, BLOCK)."""
    if (MODE == CAFFE) or (MODE == PARTITION):
        same = ((y * width + x)[:, None] == code[None, :]) & (x < width)[:, None]
        return tl.where(same, 1.0, 0.0)
    else:  # noqa: RET505
        row, column, corner, chosen = sample_of(code, width, SAMPLING, MODE)
        start_y, step_y = tl.load(placed), tl.load(placed + 1)
        start_x, step_x = tl.load(placed + 2), tl.load(placed + 3)
        y_low, y_high, fy, in_y = chosen_axis(row, start_y, step_y, p, height, SAMPLING)
        x_low, x_high, fx, in_x = chosen_axis(column, start_x, step_x, q, width, SAMPLING)
        live = chosen * in_y * in_x
        up, down = (1.0 - fy) * live, fy * live
        near, far = 1.0 - fx, fx
        if MODE == ONNX_MAX:
            up, down = tl.where(corner < 2, up, 0.0), tl.where(corner < 2, 0.0, down)
            near, far = tl.where(corner % 2 == 0, near, 0.0), tl.where(corner % 2 == 0, 0.0, far)
        at_y = tl.where(y[:, None] == y_low[None, :], up[None, :], 0.0)
        at_y += tl.where(y[:, None] == y_high[None, :], down[None, :], 0.0)
        at_x = tl.where(x[:, None] == x_low[None, :], near[None, :], 0.0)
        at_x += tl.where(x[:, None] == x_high[None, :], far[None, :], 0.0)
        return at_y * at_x
