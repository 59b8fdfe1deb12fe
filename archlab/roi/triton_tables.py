"""What each box reads along both axes, as tables of fixed sizes: a Triton kernel.

A backward finds by them which boxes touch a pixel without asking the device how many there are: sizes depend on shapes
alone, so that the host never waits.
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
    PARTITION,
    PRROI,
    divided,
    grid_of,
    interval,
    located,
    most_samples,
    pool_edges,
    sample_at,
    skipped,
)


@triton.jit(do_not_specialize=[*LEVEL_NUMBERS, "longest_y", "longest_x"])
def tables_kernel(
    boxes, levels, place, group, interval_of, bounds, runs_y, runs_x, weights_y, weights_x,
    h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3, h4, w4, sy4, sx4, h5, w5, sy5, sx5,
    images, longest_y, longest_x,
    P: tl.constexpr, Q: tl.constexpr, SAMPLING: tl.constexpr, ALIGNED: tl.constexpr, MODE: tl.constexpr,
    LEVEL_COUNT: tl.constexpr, WEIGHTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Fill the tables of one box, which a program owns.

    Args:
        place: (K, 4) int32: level, image, height and width of the map that is read.
        group: (K,) int32: level * images + image; LEVEL_COUNT * images for a box without an answer.
        interval_of: (K, 4): start and step along y, and along x, in pixels.
        bounds: (K, 4) int32: the first row and the end of all that is read, the first column and the end.
        runs_y, runs_x: (K, P, 2) and (K, Q, 2) int32: the first pixel and the end of each bin; none: end before first.
        weights_y, weights_x: (K, P, longest_y) and (K, Q, longest_x): what a pixel weighs in a bin, where WEIGHTS is
            set; beyond the map's own size unwritten.
    """
    k = tl.program_id(0).to(tl.int64)
    # fmt: off
    good, level, image, height, width, scale_y, scale_x, left, top, right, bottom = located(
        boxes, levels, k, images, h0, w0, sy0, sx0, h1, w1, sy1, sx1, h2, w2, sy2, sx2, h3, w3, sy3, sx3,
        h4, w4, sy4, sx4, h5, w5, sy5, sx5, LEVEL_COUNT)
    # fmt: on
    tl.store(place + k * 4, level)
    tl.store(place + k * 4 + 1, image.to(tl.int32))
    tl.store(place + k * 4 + 2, height)
    tl.store(place + k * 4 + 3, width)
    tl.store(group + k, tl.where(good > 0, level * images + image.to(tl.int32), LEVEL_COUNT * images))
    length_y = height * good
    length_x = width * good
    # fmt: off
    start, step, first, end = _side(top, bottom, scale_y, length_y, k, runs_y, weights_y, P, SAMPLING, ALIGNED, MODE,
                                    longest_y, WEIGHTS, BLOCK)
    # fmt: on
    tl.store(interval_of + k * 4, start)
    tl.store(interval_of + k * 4 + 1, step)
    tl.store(bounds + k * 4, first)
    tl.store(bounds + k * 4 + 1, end)
    # fmt: off
    start, step, first, end = _side(left, right, scale_x, length_x, k, runs_x, weights_x, Q, SAMPLING, ALIGNED, MODE,
                                    longest_x, WEIGHTS, BLOCK)
    # fmt: on
    tl.store(interval_of + k * 4 + 2, start)
    tl.store(interval_of + k * 4 + 3, step)
    tl.store(bounds + k * 4 + 2, first)
    tl.store(bounds + k * 4 + 3, end)


@triton.jit
def _side(
    lo, hi, scale, length, k, runs, weights,
    BINS: tl.constexpr, SAMPLING: tl.constexpr, ALIGNED: tl.constexpr, MODE: tl.constexpr, longest,
    WEIGHTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Fill one axis of one box; return its start, step, first pixel and end."""
    start, size = interval(lo, hi, scale, ALIGNED, MODE)
    step = divided(size, BINS * 1.0)
    grid = grid_of(step, SAMPLING)
    first = length
    end = length * 0
    for p in range(BINS):
        at = k * BINS + p
        if (MODE == CAFFE) or (MODE == PARTITION):
            begin, stop = pool_edges(lo, hi, scale, p, length, BINS, MODE)
        elif MODE == PRROI:
            begin, stop = _integral_run(start, size, p, length, BINS)
        else:
            begin, stop = _sampled_run(start, step, p, grid, length, SAMPLING)
        tl.store(runs + at * 2, begin)
        tl.store(runs + at * 2 + 1, stop)
        first = tl.where(stop > begin, tl.minimum(first, begin), first)
        end = tl.where(stop > begin, tl.maximum(end, stop), end)
        if WEIGHTS:
            for from_ in range(0, length, BLOCK):
                pixel = from_ + tl.arange(0, BLOCK)
                if MODE == PRROI:
                    weight = _integral_weight(start, size, p, pixel, BINS)
                else:
                    weight = _sampled_weight(start, step, p, pixel, grid, length, SAMPLING, BLOCK)
                to = weights + at * longest + pixel
                tl.store(to, weight.to(weights.dtype.element_ty), mask=pixel < length)
    return start, step, first, end


@triton.jit
def _sampled_run(start, step, p, grid, length, SAMPLING: tl.constexpr):
    """Return the first pixel and the end of what a bin's samples can weigh."""
    count = tl.minimum(grid + length * 0, most_samples(length, SAMPLING))
    before = skipped(start, step, p, grid, length, SAMPLING)
    # The first and the last sample lie at the ends; a box may be reversed.
    dense = tl.maximum(grid + length * 0, 1)
    from_ = start + p * step + divided((before + 0.5) * step, dense * 1.0)
    to = start + p * step + divided((before + count - 0.5) * step, dense * 1.0)
    lowest = tl.minimum(tl.maximum(tl.minimum(from_, to), 0.0), length * 1.0)
    highest = tl.minimum(tl.maximum(tl.maximum(from_, to), 0.0), length * 1.0)
    begin = tl.minimum(lowest.to(tl.int32), length - 1)
    stop = tl.minimum(highest.to(tl.int32) + 2, length)
    live = (count > 0) & (length > 0)
    return tl.where(live, begin, length), tl.where(live, stop, 0)


@triton.jit
def _sampled_weight(
    start, step, p, pixel, grid, length, SAMPLING: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Return what pixels (BLOCK,) weigh in the mean of a bin's samples along one axis."""
    before = skipped(start, step, p, grid, length, SAMPLING)
    total = tl.zeros([BLOCK], dtype=step.dtype)
    for s in range(tl.minimum(grid + length * 0, most_samples(length, SAMPLING))):
        low, high, frac, inside = sample_at(start, step, p, before + s, grid, length)
        total += tl.where(pixel == low, (1.0 - frac) * inside, 0.0)
        total += tl.where(pixel == high, frac * inside, 0.0)
    return divided(total, tl.maximum(grid + length * 0, 1) * 1.0)


@triton.jit
def _integral_ends(start, size, p, BINS: tl.constexpr):
    """Return the ends of a bin, in the order of ``axis_integral.cut_bins``."""
    lo = start + size * divided(size * 0.0 + p, BINS * 1.0)
    hi = start + size * divided(size * 0.0 + p + 1, BINS * 1.0)
    return lo, hi


@triton.jit
def _integral_run(start, size, p, length, BINS: tl.constexpr):
    lo, hi = _integral_ends(start, size, p, BINS)
    last = length - 1.0
    begin = tl.minimum(tl.maximum(tl.floor(lo), 0.0), last).to(tl.int32)
    stop = tl.minimum(tl.maximum(tl.ceil(hi), 0.0), last).to(tl.int32) + 1
    live = (length > 0) & (hi > lo)
    return tl.where(live, begin, length), tl.where(live, stop, 0)


@triton.jit
def _integral_weight(start, size, p, pixel, BINS: tl.constexpr):
    """Return the mean over a bin of each pixel's hat, max(0, 1 - distance)."""
    lo, hi = _integral_ends(start, size, p, BINS)
    a = lo - pixel
    b = hi - pixel
    width = b - a
    empty = width <= 0
    return tl.where(empty, 0.0, divided(_hat_integral(b) - _hat_integral(a), tl.where(empty, 1.0, width)))


@triton.jit
def _hat_integral(x):
    """Return the integral of the hat from -1 to x."""
    x = tl.minimum(tl.maximum(x, -1.0), 1.0)
    return 0.5 + x - 0.5 * x * tl.abs(x)
