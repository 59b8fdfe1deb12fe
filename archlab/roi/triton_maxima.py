"""The largest sample, weighted corner or pixel of each bin, and which it is: forward kernels in Triton.

A choice is an int32 per output as ``max_values`` defines it. Layouts and precision as in ``triton_average``.
"""

# Triton reads types from annotations of its own, and writes its constants in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from archlab.roi.triton_boxes import (
    LEVEL_NUMBERS,
    MAX,
    divided,
    grid_of,
    interval,
    located,
    map_of,
    most_samples,
    pool_edges,
    sample_at,
    skipped,
)


@triton.jit(do_not_specialize=LEVEL_NUMBERS)
def sampled_maximum_kernel(
    x0, x1, x2, x3, x4, x5,
    boxes, levels, out, choice,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    units, images,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, SAMPLING: tl.constexpr, ALIGNED: tl.constexpr,
    LEVEL_COUNT: tl.constexpr, ROW: tl.constexpr, BLOCK: tl.constexpr, MODE: tl.constexpr, CODED: tl.constexpr,
):  # fmt: skip
    """Store the largest sample (MAX) or weighted corner (ONNX_MAX): out (K, P, Q, C), and with CODED ``choice``.

    Arguments as in ``average_kernel``. A sample outside the map counts as 0 and its choice is -1.
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
    y, size_y = interval(top, bottom, scale_y, ALIGNED, MODE)
    x, size_x = interval(left, right, scale_x, ALIGNED, MODE)
    step_y = divided(size_y, P * 1.0)
    step_x = divided(size_x, Q * 1.0)
    grid_y = grid_of(step_y, SAMPLING)
    grid_x = grid_of(step_x, SAMPLING)
    most_y = most_samples(height, SAMPLING)
    most_x = most_samples(width, SAMPLING)
    listed_y = tl.minimum(grid_y + height * 0, most_y)
    listed_x = tl.minimum(grid_x + width * 0, most_x)
    # Samples that are left out lie outside, and count as 0.
    complete = (grid_y + height * 0 <= most_y) & (grid_x + width * 0 <= most_x)
    least = tl.where(complete, float("-inf"), 0.0)
    base = map_of(level, x0, x1, x2, x3, x4, x5, LEVEL_COUNT)
    pixel = image * height * width
    q = tl.arange(0, ROW)
    wide = step_y.dtype if step_y.dtype == tl.float64 else tl.float32
    for p in range(P):
        best = tl.zeros([ROW, BLOCK], dtype=wide) + least.to(wide)
        code = tl.full([ROW, BLOCK], -1, dtype=tl.int32)
        first_y = skipped(y, step_y, p, grid_y, height, SAMPLING)
        first_x = skipped(x, step_x, q, grid_x, width, SAMPLING)
        for s in range(listed_y * listed_x * good):
            sy = s // listed_x
            sx = s % listed_x
            y_low, y_high, fy, in_y = sample_at(y, step_y, p, first_y + sy, grid_y, height)
            x_low, x_high, fx, in_x = sample_at(x, step_x, q, first_x + sx, grid_x, width)
            inside = in_y * in_x * (q < Q).to(tl.int32)
            low = pixel + y_low.to(tl.int64) * width
            high = pixel + y_high.to(tl.int64) * width
            a = _weighed(base, low + x_low, (1.0 - fy) * (1.0 - fx), inside, c, inside_c, channels, best)
            b = _weighed(base, low + x_high, (1.0 - fy) * fx, inside, c, inside_c, channels, best)
            d = _weighed(base, high + x_low, fy * (1.0 - fx), inside, c, inside_c, channels, best)
            e = _weighed(base, high + x_high, fy * fx, inside, c, inside_c, channels, best)
            sample = sy * most_x + sx
            if MODE == MAX:
                best, code = _kept(best, code, ((a + b) + d) + e, sample, inside)
            else:
                best, code = _kept(best, code, a, sample * 4, inside)
                best, code = _kept(best, code, b, sample * 4 + 1, inside)
                best, code = _kept(best, code, d, sample * 4 + 2, inside)
                best, code = _kept(best, code, e, sample * 4 + 3, inside)
        best = tl.where(best == float("-inf"), 0.0, best)
        at = ((k * P + p) * Q + q[:, None]) * channels + c[None, :]
        kept = (q[:, None] < Q) & inside_c[None, :]
        tl.store(out + at, best.to(out.dtype.element_ty), mask=kept)
        if CODED:
            tl.store(choice + at, code, mask=kept)


@triton.jit
def _weighed(base, pixel, weight, inside, c, inside_c, channels, like):
    """Return pixels (ROW,) times their weights: (ROW, BLOCK). A pixel of weight 0 is not read."""
    live = (inside > 0) & (weight != 0)
    mask = live[:, None] & inside_c[None, :]
    value = tl.load(base + pixel[:, None] * channels + c[None, :], mask=mask, other=0.0).to(like.dtype)
    return value * weight.to(like.dtype)[:, None]


@triton.jit
def _kept(best, code, value, sample, inside):
    """Keep the larger value and which it is; the first of equal ones."""
    better = value > best
    marked = tl.where(inside > 0, sample, -1)[:, None]
    return tl.where(better, value, best), tl.where(better, marked, code)


@triton.jit(do_not_specialize=LEVEL_NUMBERS)
def pooled_maximum_kernel(
    x0, x1, x2, x3, x4, x5,
    boxes, levels, out, choice,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    units, images,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr,
    LEVEL_COUNT: tl.constexpr, ROW: tl.constexpr, BLOCK: tl.constexpr, MODE: tl.constexpr, CODED: tl.constexpr,
):  # fmt: skip
    """Store the largest pixel of each bin of RoI pooling, CAFFE or PARTITION; arguments as in the kernel above."""
    k = tl.program_id(0).to(tl.int64)
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside_c = c < channels
    # fmt: off
    good, level, image, height, width, scale_y, scale_x, left, top, right, bottom = located(
        boxes, levels, k, images, h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3,
        h4, w4, sy4, sx4, h5, w5, sy5, sx5, LEVEL_COUNT)
    # fmt: on
    base = map_of(level, x0, x1, x2, x3, x4, x5, LEVEL_COUNT) + image * height * width * channels
    q = tl.arange(0, ROW)
    wide = left.dtype if left.dtype == tl.float64 else tl.float32
    from_x, to_x = pool_edges(left, right, scale_x, q, width * good, Q, MODE)
    to_x = tl.where(q < Q, to_x, 0)
    widest = tl.max(to_x - from_x, 0)
    for p in range(P):
        from_y, to_y = pool_edges(top, bottom, scale_y, p, height * good, P, MODE)
        best = tl.zeros([ROW, BLOCK], dtype=wide)
        code = tl.full([ROW, BLOCK], -1, dtype=tl.int32)
        for y in range(from_y, to_y):
            for j in range(widest):
                column = from_x + j
                live = (column < to_x)[:, None] & inside_c[None, :]
                number = y * width + column
                from_ = base + number.to(tl.int64)[:, None] * channels + c[None, :]
                value = tl.load(from_, mask=live, other=0.0).to(wide)
                better = live & ((value > best) | (code < 0))
                best = tl.where(better, value, best)
                code = tl.where(better, number[:, None], code)
        at = ((k * P + p) * Q + q[:, None]) * channels + c[None, :]
        kept = (q[:, None] < Q) & inside_c[None, :]
        tl.store(out + at, best.to(out.dtype.element_ty), mask=kept)
        if CODED:
            tl.store(choice + at, code, mask=kept)
