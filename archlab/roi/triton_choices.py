"""The linear operator that fixed choices leave, forward: Triton kernels. Each output reads up to four pixels.

Channels choose differently, so that neighbours in memory are read singly.
"""

# Triton reads types from annotations of its own, and writes its constants in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# ruff: noqa: N803, SIM109
from __future__ import annotations

import triton
import triton.language as tl

from archlab.roi.triton_boxes import (
    CAFFE,
    LEVEL_NUMBERS,
    ONNX_MAX,
    PARTITION,
    divided,
    grid_of,
    interval,
    located,
    map_of,
    most_samples,
    sample_at,
    skipped,
)


@triton.jit
def chosen_axis(sample, start, step, bin_, length, SAMPLING: tl.constexpr):
    """Return the pixels, the weight of the high one, and 1 where there is such a sample, for samples of a bin."""
    grid = grid_of(step, SAMPLING)
    before = skipped(start, step, bin_, grid, length, SAMPLING)
    listed = tl.minimum(grid + length * 0, most_samples(length, SAMPLING))
    low, high, frac, inside = sample_at(start, step, bin_, before + sample, grid, length)
    return low, high, frac, inside * (sample < listed).to(tl.int32)


@triton.jit
def sample_of(code, width, SAMPLING: tl.constexpr, MODE: tl.constexpr):
    """Return the row and the column of a chosen sample in its bin's grid, its corner, and 1 where there is a choice."""
    chosen = (code >= 0).to(tl.int32)
    code = tl.maximum(code, 0)
    sample = code
    corner = code * 0
    if MODE == ONNX_MAX:
        sample = code // 4
        corner = code % 4
    columns = most_samples(width, SAMPLING)
    return sample // columns, sample % columns, corner, chosen


@triton.jit(do_not_specialize=LEVEL_NUMBERS)
def chosen_kernel(
    x0, x1, x2, x3, x4, x5,
    boxes, levels, out, choice,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    units, images,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, SAMPLING: tl.constexpr, ALIGNED: tl.constexpr,
    LEVEL_COUNT: tl.constexpr, BLOCK: tl.constexpr, MODE: tl.constexpr,
):  # fmt: skip
    """Store the values of given choices: out (K, P, Q, C). A choice that cannot be reads nothing.

    Arguments as in ``sampled_maximum_kernel``.
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
    base = map_of(level, x0, x1, x2, x3, x4, x5, LEVEL_COUNT) + image * height * width * channels
    y, size_y = interval(top, bottom, scale_y, ALIGNED, MODE)
    x, size_x = interval(left, right, scale_x, ALIGNED, MODE)
    step_y = divided(size_y, P * 1.0)
    step_x = divided(size_x, Q * 1.0)
    wide = left.dtype if left.dtype == tl.float64 else tl.float32
    for b in range(P * Q):
        at = (k * (P * Q) + b) * channels + c
        code = tl.load(choice + at, mask=inside_c, other=-1)
        live = inside_c & (code >= 0) & (code * 0 + good > 0)
        if (MODE == CAFFE) or (MODE == PARTITION):
            live = live & (code < height * width)
            total = tl.load(base + code.to(tl.int64) * channels + c, mask=live, other=0.0).to(wide)
        else:
            row, column, corner, _ = sample_of(code, width, SAMPLING, MODE)
            y_low, y_high, fy, in_y = chosen_axis(row, y, step_y, b // Q, height, SAMPLING)
            x_low, x_high, fx, in_x = chosen_axis(column, x, step_x, b % Q, width, SAMPLING)
            live = live & (in_y * in_x > 0)
            total = tl.zeros([BLOCK], dtype=wide)
            for i in tl.static_range(4):
                pixel_y = y_high if i >= 2 else y_low
                pixel_x = x_high if i % 2 == 1 else x_low
                weight = (fy if i >= 2 else 1.0 - fy) * (fx if i % 2 == 1 else 1.0 - fx)
                read = live & (weight != 0)
                if MODE == ONNX_MAX:
                    read = read & (corner == i)
                pixel = pixel_y.to(tl.int64) * width + pixel_x
                value = tl.load(base + pixel * channels + c, mask=read, other=0.0)
                total += value.to(wide) * weight.to(wide)
        tl.store(out + at, total.to(out.dtype.element_ty), mask=inside_c)
