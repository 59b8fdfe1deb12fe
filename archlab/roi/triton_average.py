"""RoI align in mode ``avg`` over all levels in one launch, and exact integrals: forward kernels in Triton.

Maps are channels_last, so that the channels of a pixel are one run of memory: a thread loads 16 bytes of
neighbouring channels at once, where NCHW kernels load single numbers. Sums run in float32 (float64 for float64), in a
fixed order.
"""

# Triton reads types from annotations of its own, and writes its constants in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from archlab.roi.triton_boxes import (
    AVG,
    LEVEL_NUMBERS,
    divided,
    grid_of,
    interval,
    located,
    map_of,
    most_samples,
    sample_at,
    skipped,
)


@triton.jit(do_not_specialize=LEVEL_NUMBERS)
def average_kernel(
    x0, x1, x2, x3, x4, x5,
    boxes, levels, out,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    units, images,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, SAMPLING: tl.constexpr, ALIGNED: tl.constexpr,
    LEVEL_COUNT: tl.constexpr, ROW: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Store the mean of bilinear samples: out (K, P, Q, C) of maps (N, H_l, W_l, C).

    A program owns one RoI and a block of channels, and reuses the sample positions for all of them.

    Args:
        boxes, levels: as ``located`` takes them.
        units, UNIT: channels = units * UNIT; UNIT 4 tells the compiler that four lie together in 16 bytes.
        SAMPLING: samples along an axis, 0 for adaptive.
        ROW: Q rounded up to a power of two. BLOCK: channels of a program.
    """
    k = tl.program_id(0).to(tl.int64)
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside_c = c < channels
    # fmt: off
    good, level, image, height, width, scale_y, scale_x, left, top, right, bottom = located(
        boxes, levels, k, images, h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3,
        h4, w4, sy4, sx4, h5, w5, sy5, sx5, LEVEL_COUNT)
    # fmt: on
    y, size_y = interval(top, bottom, scale_y, ALIGNED, AVG)
    x, size_x = interval(left, right, scale_x, ALIGNED, AVG)
    step_y = divided(size_y, P * 1.0)
    step_x = divided(size_x, Q * 1.0)
    grid_y = grid_of(step_y, SAMPLING)
    grid_x = grid_of(step_x, SAMPLING)
    base = map_of(level, x0, x1, x2, x3, x4, x5, LEVEL_COUNT)
    pixel = image * height * width
    q = tl.arange(0, ROW)
    # As floats: the grid of a huge box overflows an integer.
    count = tl.maximum((step_y * 0.0 + grid_y) * grid_x, 1.0)
    for p in range(P):
        # fmt: off
        total = tl.zeros([ROW, BLOCK], dtype=step_y.dtype if step_y.dtype == tl.float64 else tl.float32)
        if SAMPLING > 0:
            for s in range(SAMPLING * SAMPLING):
                total = _sample(total, base, pixel, y, x, step_y, step_x, p, q, s // SAMPLING, s % SAMPLING,
                                grid_y, grid_x, height, width, good, c, inside_c, channels, Q)
        else:
            first_y = skipped(y, step_y, p, grid_y, height, SAMPLING)
            first_x = skipped(x, step_x, q, grid_x, width, SAMPLING)
            for sy in range(tl.minimum(grid_y, most_samples(height, SAMPLING))):
                for sx in range(tl.minimum(grid_x, most_samples(width, SAMPLING))):
                    total = _sample(total, base, pixel, y, x, step_y, step_x, p, q, first_y + sy,
                                    first_x + sx, grid_y, grid_x, height, width, good, c,
                                    inside_c, channels, Q)
        # fmt: on
        to = out + ((k * P + p) * Q + q[:, None]) * channels + c[None, :]
        kept = (q[:, None] < Q) & inside_c[None, :]
        tl.store(to, divided(total, count.to(total.dtype)).to(out.dtype.element_ty), mask=kept)


@triton.jit
def _sample(
    total, base, pixel, y, x, step_y, step_x, p, q, sy, sx,
    grid_y, grid_x, height, width, good, c, inside_c, channels, Q: tl.constexpr,
):  # fmt: skip
    """Add one sample of each bin of a row: ``total`` (ROW, BLOCK)."""
    y_low, y_high, fy, in_y = sample_at(y, step_y, p, sy, grid_y, height)
    x_low, x_high, fx, in_x = sample_at(x, step_x, q, sx, grid_x, width)
    live = (in_y * in_x * good * (q < Q).to(tl.int32)) > 0
    mask = live[:, None] & inside_c[None, :]
    low = pixel + y_low.to(tl.int64) * width
    high = pixel + y_high.to(tl.int64) * width
    columns = c[None, :]
    a = tl.load(base + (low + x_low)[:, None] * channels + columns, mask=mask, other=0.0).to(total.dtype)
    b = tl.load(base + (low + x_high)[:, None] * channels + columns, mask=mask, other=0.0).to(total.dtype)
    d = tl.load(base + (high + x_low)[:, None] * channels + columns, mask=mask, other=0.0).to(total.dtype)
    e = tl.load(base + (high + x_high)[:, None] * channels + columns, mask=mask, other=0.0).to(total.dtype)
    # The order of torchvision's sum.
    value = ((1.0 - fy) * (1.0 - fx)).to(total.dtype)[:, None] * a
    value = tl.fma(((1.0 - fy) * fx).to(total.dtype)[:, None], b, value)
    value = tl.fma((fy * (1.0 - fx)).to(total.dtype)[:, None], d, value)
    return total + tl.fma((fy * fx).to(total.dtype)[:, None], e, value)


@triton.jit(do_not_specialize=["longest_y", "longest_x"])
def product_kernel(
    x0, x1, x2, x3, x4, x5, place, runs_y, runs_x, weights_y, weights_x, out, units, longest_y, longest_x,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, LEVEL_COUNT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Store out (K, P, Q, C), each bin the sum of its pixels weighted by the tables of ``triton_tables``.

    A program owns one bin and a block of channels.
    """
    at = tl.program_id(0).to(tl.int64)
    k = at // (P * Q)
    row = at // Q
    column = k * Q + at % Q
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = c < channels
    level = tl.load(place + k * 4)
    image = tl.load(place + k * 4 + 1).to(tl.int64)
    height = tl.load(place + k * 4 + 2)
    width = tl.load(place + k * 4 + 3)
    base = map_of(level, x0, x1, x2, x3, x4, x5, LEVEL_COUNT)
    total = tl.zeros([BLOCK], dtype=weights_y.dtype.element_ty)
    for y in range(tl.load(runs_y + row * 2), tl.load(runs_y + row * 2 + 1)):
        weight_y = tl.load(weights_y + row * longest_y + y)
        for x in range(tl.load(runs_x + column * 2), tl.load(runs_x + column * 2 + 1)):
            weight = weight_y * tl.load(weights_x + column * longest_x + x)
            # A pixel of weight 0 is not read: 0 times infinity is not 0.
            live = inside & (tl.zeros([BLOCK], dtype=tl.int32) + (weight != 0).to(tl.int32) > 0)
            value = tl.load(base + ((image * height + y) * width + x) * channels + c, mask=live, other=0.0)
            total = tl.fma(value.to(total.dtype), weight, total)
    tl.store(out + at * channels + c, total.to(out.dtype.element_ty), mask=inside)
