"""Where a box is read, and where its samples and bins fall: functions that the Triton kernels share.

Every kernel places boxes by these, launched without fused operations (``triton_arguments.COMPILER_OPTIONS``), so that
forward and backward decide the same whole numbers, and the same as on CPU.
"""

# Triton reads types from annotations of its own, and writes its constants in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

# Levels of one launch.
LEVELS = 6
MODES = {"avg": 0, "max": 1, "onnx_max": 2, "caffe": 3, "partition": 4, "prroi": 5}
"""Each mode's number in the kernels."""
AVG = tl.constexpr(0)
MAX = tl.constexpr(1)
ONNX_MAX = tl.constexpr(2)
CAFFE = tl.constexpr(3)
PARTITION = tl.constexpr(4)
PRROI = tl.constexpr(5)

LEVEL_NUMBERS = [f"{name}{level}" for level in range(LEVELS) for name in ("h", "w", "sy", "sx")]
"""The arguments that every kernel takes for the levels: sizes, and the bits of the scales, float64 seen as int64.

A float argument would be rounded to float32, and memory of the host could be gone when a CUDA graph is replayed.
"""


@triton.jit
def divided(a, b):
    """Return a / b rounded once: ``/`` in float32 compiles to an approximation, or to a product with the inverse."""
    if a.dtype == tl.float64:
        return a / b
    else:  # noqa: RET505 - Triton compiles both without it
        return tl.div_rn(a, b)


@triton.jit
def _scale(bits, like):
    """Return a scale in the precision of the coordinates."""
    return tl.cast(bits, tl.int64).to(tl.float64, bitcast=True).to(like.dtype)


@triton.jit
def _larger(bits_y, bits_x, like):
    return tl.maximum(_scale(bits_y, like), _scale(bits_x, like))


@triton.jit
def located(
    boxes, levels, k, images,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    LEVEL_COUNT: tl.constexpr,
):  # fmt: skip
    """Return whether box k has an answer (1 or 0); its level, image, size and scales; and x1, y1, x2, y2.

    Args:
        boxes: (K, 5) rows batch index, x1, y1, x2, y2.
        levels: (K,) int32; outside [0, LEVEL_COUNT): no answer.
    """
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
    left, top = tl.where(good, left, 0.0), tl.where(good, top, 0.0)
    right, bottom = tl.where(good, right, 0.0), tl.where(good, bottom, 0.0)
    image = tl.where(good, image, 0.0).to(tl.int64)
    # An integer, not a boolean: the interpreter cannot broadcast a scalar boolean.
    return good.to(tl.int32), level, image, height, width, scale_y, scale_x, left, top, right, bottom


@triton.jit
def map_of(level, x0, x1, x2, x3, x4, x5, LEVEL_COUNT: tl.constexpr):
    """Return the level's map: a scalar pointer per program. All are multiples of 16 bytes, so loads stay wide."""
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
    return base


@triton.jit
def interval(lo, hi, scale, ALIGNED: tl.constexpr, MODE: tl.constexpr):
    """Return where the box begins along an axis, and its size, in pixels: see ``axis_intervals.scaled_interval``."""
    offset = 0.5 if ALIGNED else 0.0
    start = lo * scale - offset
    size = hi * scale - offset - start
    if MODE == PRROI:
        size = tl.maximum(size, 0.0)
    else:
        if not ALIGNED:
            size = tl.maximum(size, 1.0)
    return start, size


@triton.jit
def grid_of(step, SAMPLING: tl.constexpr):
    """Return the samples of a bin along an axis: as asked, or the bin's size rounded up; none without size."""
    if SAMPLING > 0:
        return SAMPLING
    else:  # noqa: RET505
        return tl.maximum(tl.ceil(step), 0.0).to(tl.int32)


@triton.jit
def most_samples(length, SAMPLING: tl.constexpr):
    """Return the most samples of a bin that are walked: see ``axis_samples.most_samples``."""
    if SAMPLING > 0:
        return SAMPLING
    else:  # noqa: RET505
        return 2 * length + 8


@triton.jit
def skipped(start, step, bin_, grid, length, SAMPLING: tl.constexpr):
    """Return the samples of a bin before the window worth walking: see ``axis_samples.skipped_samples``."""
    if SAMPLING > 0:
        return bin_ * 0.0
    else:  # noqa: RET505
        most = 2 * length + 8
        before = tl.floor(divided((-1.0 - start - bin_ * step) * grid, tl.maximum(step, 1e-30)) - 0.5) - 1.0
        before = tl.minimum(tl.maximum(before, 0.0), tl.maximum(grid - most, 0) * 1.0)
        return tl.where(grid > most, before, 0.0)


@triton.jit
def sample_at(start, step, bin_, sample, grid, length):
    """Return the low pixel, the high pixel, the weight of the high one, and 1 where the sample counts at all."""
    position = start + bin_ * step + divided((sample + 0.5) * step, grid * 1.0)
    inside = ((position >= -1.0) & (position <= length)).to(tl.int32)
    position = tl.minimum(tl.maximum(position, 0.0), length * 1.0)
    low = tl.minimum(position.to(tl.int32), length - 1)
    free = low < length - 1
    frac = tl.where(free, position - low.to(position.dtype), 0.0)
    return low, tl.where(free, low + 1, low), frac, inside


@triton.jit
def _rounded(x):
    """Round halves away from zero, as C does."""
    whole = tl.where(x < 0, tl.ceil(x), tl.floor(x))
    away = tl.where(x < 0, -1.0, 1.0)
    return whole + tl.where(tl.abs(x - whole) >= 0.5, away, 0.0)


@triton.jit
def pool_edges(lo, hi, scale, bin_, length, BINS: tl.constexpr, MODE: tl.constexpr):
    """Return the first pixel and the end of a bin of RoI pooling, clipped to the map: see ``pool_bins``."""
    first = _rounded(lo * scale)
    last = _rounded(hi * scale)
    if MODE == CAFFE:
        step = divided(tl.maximum(last - first + 1.0, 1.0), BINS * 1.0)
        begin = tl.floor(bin_ * step)
        end = tl.ceil((bin_ + 1) * step)
    else:
        size = tl.maximum(last - first, 0.0)
        step = tl.floor(divided(size, BINS * 1.0))
        begin = bin_ * step
        end = tl.where(bin_ == BINS - 1, size, (bin_ + 1) * step)
    begin = tl.minimum(tl.maximum(begin + first, 0.0), length * 1.0).to(tl.int32)
    end = tl.minimum(tl.maximum(end + first, 0.0), length * 1.0).to(tl.int32)
    return begin, end
