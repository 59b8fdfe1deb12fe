"""Triton kernels for NVIDIA GPUs: RoI align over all levels in one launch, and the transpose without atomics.

Maps are channels_last, so that the channels of a pixel are one run of memory: a thread loads 16 bytes of
neighbouring channels at once, where NCHW kernels load single numbers. A program owns one RoI and a block of
channels, and reuses the sample positions for all of them. Sums run in float32 (float64 for float64), in a
fixed order.
"""

# Triton reads types from annotations of its own, and writes its constants in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

LEVELS = 6


@triton.jit
def _divide(a, b):
    """Return a / b rounded once: ``/`` in float32 compiles to an approximation, or to a product with the inverse."""
    if a.dtype == tl.float64:
        return a / b
    else:  # noqa: RET505 - Triton compiles both without it
        return tl.div_rn(a, b)


@triton.jit
def _axis(start, step, bin_, sample, grid, length):
    """Return the low pixel, the high pixel, the weight of the high one, and 1 where the sample counts at all."""
    position = start + bin_ * step + _divide((sample + 0.5) * step, grid * 1.0)
    inside = ((position >= -1.0) & (position <= length)).to(tl.int32)
    position = tl.minimum(tl.maximum(position, 0.0), length * 1.0)
    low = tl.minimum(position.to(tl.int32), length - 1)
    free = low < length - 1
    frac = tl.where(free, position - low.to(position.dtype), 0.0)
    return low, tl.where(free, low + 1, low), frac, inside


@triton.jit
def _skipped(start, step, bin_, grid, length):
    """Return the samples of a bin before the window worth walking: see ``axis_samples.skipped_samples``."""
    most = 2 * length + 8
    before = tl.floor(_divide((-1.0 - start - bin_ * step) * grid, tl.maximum(step, 1e-30)) - 0.5) - 1.0
    before = tl.minimum(tl.maximum(before, 0.0), tl.maximum(grid - most, 0) * 1.0)
    return tl.where(grid > most, before, 0.0)


@triton.jit
def _scale(bits, like):
    """Return a scale in the precision of the coordinates."""
    return tl.cast(bits, tl.int64).to(tl.float64, bitcast=True).to(like.dtype)


@triton.jit
def _larger(bits_y, bits_x, like):
    return tl.maximum(_scale(bits_y, like), _scale(bits_x, like))


_UNSPECIALISED = [f"{name}{level}" for level in range(LEVELS) for name in ("h", "w", "sy", "sx")]


@triton.jit(do_not_specialize=_UNSPECIALISED)
def roi_align_kernel(
    x0, x1, x2, x3, x4, x5,
    boxes, levels, out,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    units, images,
    UNIT: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, SAMPLING: tl.constexpr, ALIGNED: tl.constexpr,
    LEVEL_COUNT: tl.constexpr, ROW: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Store the mean of bilinear samples: out (K, P, Q, C) of maps (N, H_l, W_l, C).

    Args:
        boxes: (K, 5) rows batch index, x1, y1, x2, y2.
        levels: (K,) int32; outside [0, LEVEL_COUNT): zeros.
        h, w, sy, sx: of each level: its size, and the bits of its scales, float64 seen as int64: a float argument would
            be rounded to float32, and memory of the host could be gone when a CUDA graph is replayed.
        units, UNIT: channels = units * UNIT; UNIT 4 tells the compiler that four lie together in 16 bytes.
        SAMPLING: samples along an axis, 0 for adaptive.
        ROW: Q rounded up to a power of two. BLOCK: channels of a program.
    """
    k = tl.program_id(0).to(tl.int64)
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside_c = c < channels
    image = tl.load(boxes + k * 5)
    left = tl.load(boxes + k * 5 + 1)
    top = tl.load(boxes + k * 5 + 2)
    right = tl.load(boxes + k * 5 + 3)
    bottom = tl.load(boxes + k * 5 + 4)
    level = tl.load(levels + k)
    good = (level >= 0) & (level < LEVEL_COUNT) & (image > -1.0) & (tl.maximum(image, 0.0) < images)
    level = tl.where(good, level, 0)
    height, width, scale_y, scale_x, larger = h0, w0, _scale(sy0, image), _scale(sx0, image), _larger(sy0, sx0, image)
    if LEVEL_COUNT > 1:
        height, width = tl.where(level == 1, h1, height), tl.where(level == 1, w1, width)
        scale_y = tl.where(level == 1, _scale(sy1, image), scale_y)
        scale_x = tl.where(level == 1, _scale(sx1, image), scale_x)
        larger = tl.maximum(larger, _larger(sy1, sx1, image))
    if LEVEL_COUNT > 2:
        height, width = tl.where(level == 2, h2, height), tl.where(level == 2, w2, width)
        scale_y = tl.where(level == 2, _scale(sy2, image), scale_y)
        scale_x = tl.where(level == 2, _scale(sx2, image), scale_x)
        larger = tl.maximum(larger, _larger(sy2, sx2, image))
    if LEVEL_COUNT > 3:
        height, width = tl.where(level == 3, h3, height), tl.where(level == 3, w3, width)
        scale_y = tl.where(level == 3, _scale(sy3, image), scale_y)
        scale_x = tl.where(level == 3, _scale(sx3, image), scale_x)
        larger = tl.maximum(larger, _larger(sy3, sx3, image))
    if LEVEL_COUNT > 4:
        height, width = tl.where(level == 4, h4, height), tl.where(level == 4, w4, width)
        scale_y = tl.where(level == 4, _scale(sy4, image), scale_y)
        scale_x = tl.where(level == 4, _scale(sx4, image), scale_x)
        larger = tl.maximum(larger, _larger(sy4, sx4, image))
    if LEVEL_COUNT > 5:
        height, width = tl.where(level == 5, h5, height), tl.where(level == 5, w5, width)
        scale_y = tl.where(level == 5, _scale(sy5, image), scale_y)
        scale_x = tl.where(level == 5, _scale(sx5, image), scale_x)
        larger = tl.maximum(larger, _larger(sy5, sx5, image))
    limit = 16777216.0
    good = good & (tl.abs(left) * larger <= limit) & (tl.abs(top) * larger <= limit)
    good = good & (tl.abs(right) * larger <= limit) & (tl.abs(bottom) * larger <= limit)
    good = good & (height > 0) & (width > 0)
    offset = 0.5 if ALIGNED else 0.0
    y = tl.where(good, top * scale_y - offset, 0.0)
    x = tl.where(good, left * scale_x - offset, 0.0)
    size_y = tl.where(good, bottom * scale_y - offset - y, 0.0)
    size_x = tl.where(good, right * scale_x - offset - x, 0.0)
    if not ALIGNED:
        size_y = tl.maximum(size_y, 1.0)
        size_x = tl.maximum(size_x, 1.0)
    step_y = _divide(size_y, P * 1.0)
    step_x = _divide(size_x, Q * 1.0)
    if SAMPLING > 0:
        grid_y = SAMPLING
        grid_x = SAMPLING
    else:
        grid_y = tl.maximum(tl.ceil(step_y), 0.0).to(tl.int32)
        grid_x = tl.maximum(tl.ceil(step_x), 0.0).to(tl.int32)
    # A scalar pointer per program; all are multiples of 16 bytes, so the loads below stay 128 bits wide.
    base = x0
    if LEVEL_COUNT > 1:
        base = tl.where(level == 1, x1, base)
    if LEVEL_COUNT > 2:
        base = tl.where(level == 2, x2, base)
    if LEVEL_COUNT > 3:
        base = tl.where(level == 3, x3, base)
    if LEVEL_COUNT > 4:
        base = tl.where(level == 4, x4, base)
    if LEVEL_COUNT > 5:
        base = tl.where(level == 5, x5, base)
    pixel = image.to(tl.int64) * height * width
    q = tl.arange(0, ROW)
    # As floats: the grid of a huge box overflows an integer.
    count = tl.maximum((grid_y * 1.0) * grid_x, 1.0)
    usable = good.to(tl.int32)
    for p in range(P):
        # fmt: off
        total = tl.zeros([ROW, BLOCK], dtype=step_y.dtype if step_y.dtype == tl.float64 else tl.float32)
        if SAMPLING > 0:
            for s in range(SAMPLING * SAMPLING):
                total = _sample(total, base, pixel, y, x, step_y, step_x, p, q, s // SAMPLING, s % SAMPLING,
                                grid_y, grid_x, height, width, usable, c, inside_c, channels, Q)
        else:
            first_y = _skipped(y, step_y, p, grid_y, height)
            first_x = _skipped(x, step_x, q, grid_x, width)
            for sy in range(tl.minimum(grid_y, 2 * height + 8)):
                for sx in range(tl.minimum(grid_x, 2 * width + 8)):
                    total = _sample(total, base, pixel, y, x, step_y, step_x, p, q, first_y + sy,
                                    first_x + sx, grid_y, grid_x, height, width, usable, c,
                                    inside_c, channels, Q)
        # fmt: on
        to = out + ((k * P + p) * Q + q[:, None]) * channels + c[None, :]
        kept = (q[:, None] < Q) & inside_c[None, :]
        tl.store(to, _divide(total, count.to(total.dtype)).to(out.dtype.element_ty), mask=kept)


@triton.jit
def _sample(
    total, base, pixel, y, x, step_y, step_x, p, q, sy, sx,
    grid_y, grid_x, height, width, good, c, inside_c, channels, Q: tl.constexpr,
):  # fmt: skip
    """Add one sample of each bin of a row: ``total`` (ROW, BLOCK)."""
    y_low, y_high, fy, in_y = _axis(y, step_y, p, sy, grid_y, height)
    x_low, x_high, fx, in_x = _axis(x, step_x, q, sx, grid_x, width)
    # Integers, not booleans: the interpreter cannot broadcast a scalar boolean.
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
    return total + (
        ((1.0 - fy) * (1.0 - fx))[:, None] * a
        + ((1.0 - fy) * fx)[:, None] * b
        + (fy * (1.0 - fx))[:, None] * d
        + (fy * fx)[:, None] * e
    )


@triton.jit
def taps_kernel(
    rows, index, weight, offsets, out, units,
    UNIT: tl.constexpr, BLOCK: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """Store one row of a sparse product: out[r] = sum over taps t of r of weight[t] * rows[index[t]].

    The transpose of RoI align, with ``rows`` the bins' gradients, ``out`` the pixels', and the taps sorted
    by pixel: every pixel is written once, by one program, its taps summed in order.
    """
    r = tl.program_id(0).to(tl.int64)
    channels = units * UNIT
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = c < channels
    begin = tl.load(offsets + r)
    end = tl.load(offsets + r + 1)
    wide = tl.float64 if weight.dtype.element_ty == tl.float64 else tl.float32
    total = tl.zeros([BLOCK], dtype=wide)
    for t in range(begin, end, UNROLL):
        for u in tl.static_range(UNROLL):
            live = t + u < end
            row = tl.load(index + t + u, mask=live, other=0).to(tl.int64)
            w = tl.load(weight + t + u, mask=live, other=0.0)
            value = tl.load(rows + row * channels + c, mask=inside & live, other=0.0)
            total += w * value.to(wide)
    tl.store(out + r * channels + c, total.to(out.dtype.element_ty), mask=inside)
