"""The bilinear samples of a bin along one axis: where they fall, and what each pixel weighs; see ``axis_intervals``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.axis_intervals import Interval, Table, divided


def samples_per_bin(size: Tensor, bins: int, sampling_ratio: int) -> Tensor:
    """Return (K,) samples per bin: as asked, or the bin's size rounded up; none in a bin without size."""
    if sampling_ratio > 0:
        return torch.full_like(size, sampling_ratio)
    return torch.ceil(divided(size, bins)).clamp(min=0)


@dataclass(frozen=True)
class Corners:
    """The two pixels around a sample. ``slope`` is 1 where moving the sample changes their weights."""

    low: Tensor
    high: Tensor
    frac: Tensor  # weight of the high pixel
    inside: Tensor  # bool: a sample outside [-1, L] counts as 0
    slope: Tensor


def bilinear_corners(position: Tensor, length: int | Tensor) -> Corners:
    """Return the pixels around each position, clamped to the map as torchvision and Caffe2 clamp them."""
    inside = (position >= -1) & (position <= length)
    position = position.clamp(min=0).clamp(max=length)
    low = position.floor().clamp(max=length - 1)
    free = low < length - 1
    frac = (position - low) * free
    slope = (inside & free & (position > 0)).to(position.dtype)
    index = low.to(torch.int32)
    return Corners(index, index + free, frac, inside, slope)


def sample_positions(where: Interval, bins: int, bin_: Tensor, sample: Tensor, grid_: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions of samples and their derivatives; fields of ``where`` broadcast against ``bin_``.

    The order of the arithmetic is torchvision's, so that float32 positions agree to the last bit.
    """
    step = divided(where.size, bins)
    fine = sample + 0.5
    position = where.start + bin_ * step + fine * step / grid_
    return position, where.d_start + where.d_size * ((bin_ + fine / grid_) / bins)


@dataclass(frozen=True)
class Samples:
    """The samples of every bin along one axis, (K, P, S), S being the largest grid or the window's."""

    corners: Corners
    d_position: Tensor  # (n, K, P, S)
    inverse: Tensor  # (K,) 1 / grid, 0 where there is none
    listed: Tensor  # (K,) int64: samples of a bin that are listed here
    complete: Tensor  # (K,) bool: none is left out
    first: Tensor  # (K, P) int32: the lowest pixel that a bin touches
    length: Tensor  # (K,) pixels of the axis
    taps: Tensor  # (K,) int64: taps of a bin in the shorter of the two layouts
    merged: Tensor  # (K,) bool: the layout is the run of pixels, not the list of corners


def most_samples(sampling_ratio: int, length: int) -> int:
    """Return the most samples of a bin that are ever listed along an axis of ``length`` pixels.

    An adaptive grid has one or two samples per pixel; those of a huge box that can fall inside the map all
    lie in a window of this size, so that no box costs more than the map.
    """
    return sampling_ratio if sampling_ratio > 0 else 2 * length + 8


def skipped_samples(where: Interval, bins: int, grid_: Tensor, most: int) -> Tensor:
    """Return (K, P) samples of each bin before its window of ``most``: 0 unless the grid is larger."""
    p = torch.arange(bins, device=grid_.device, dtype=grid_.dtype)
    dense = grid_.clamp(min=1)[:, None]
    step = divided(where.size, bins)[:, None]
    before = torch.floor((-1 - where.start[:, None] - p * step) * dense / step - 0.5) - 1
    before = torch.minimum(before.clamp(min=0), (dense - most).clamp(min=0))
    return torch.where(dense > most, before, 0.0)


def place_samples(where: Interval, bins: int, sampling_ratio: int, length: Tensor, longest: int) -> Samples:
    """Place the samples of K intervals, each on an axis of its own ``length`` (K,), at most ``longest``."""
    size = where.size
    grid_ = samples_per_bin(size, bins, sampling_ratio)
    dense = grid_.clamp(min=1)
    most = most_samples(sampling_ratio, longest)
    p = torch.arange(bins, device=size.device, dtype=size.dtype)[:, None]
    if sampling_ratio > 0:
        s = torch.arange(most, device=size.device, dtype=size.dtype)
    else:
        s = torch.arange(min(most, int(dense.max())), device=size.device, dtype=size.dtype)
        s = s + skipped_samples(where, bins, grid_, most)[..., None]
    lines = Interval(*(f[..., None, None] for f in (where.start, size, where.d_start, where.d_size)))
    position, d_position = sample_positions(lines, bins, p, s, dense[:, None, None])
    c = bilinear_corners(position, length[:, None, None])
    if sampling_ratio <= 0:
        inside = c.inside & (s < grid_[:, None, None])
        c = Corners(c.low, c.high, c.frac, inside, c.slope * inside)
    first = torch.where(c.inside, c.low, 1 << 30).amin(-1)
    last = torch.where(c.inside, c.high, -1).amax(-1)
    span = (last - first + 1).amax(-1).clamp(min=1)
    listed = dense.clamp(max=most).to(torch.int32)
    # No shorter than the run of an unstretched grid: fewer layouts, fewer calls.
    run = torch.maximum(span, listed + 1)
    run = torch.where(run > 4, (run + 1) // 2 * 2, run).clamp(max=length)
    # Two samples that share a pixel read it twice, the second time from the nearest cache: cheaper than to
    # merge them.
    merged = (run < 2 * listed) & (listed > 2)
    return Samples(
        corners=c,
        d_position=d_position,
        inverse=torch.where(grid_ > 0, 1 / dense, 0.0),
        listed=torch.where(grid_ > 0, listed, 0),
        complete=dense <= most,
        first=first.clamp(max=(length - 1)[:, None]),
        length=length,
        taps=torch.where(merged, run, 2 * listed).to(torch.int64),
        merged=merged,
    )


def sample_weights(corners: Corners, d_position: Tensor, inverse: Tensor) -> tuple[Table, Table]:
    """Return the tables of the low and of the high corner's weight.

    A weight is linear in the position, so derivatives along two directions and more vanish.
    """
    unit = inverse * corners.inside
    low: Table = [(1 - corners.frac) * unit]
    high: Table = [corners.frac * unit]
    rows = 1 << d_position.shape[0]
    low += [None] * (rows - 1)
    high += [None] * (rows - 1)
    for direction, moved in enumerate(d_position):
        slope = moved * corners.slope * inverse
        low[1 << direction], high[1 << direction] = -slope, slope
    return low, high


def sample_taps(at: Samples, rois: Tensor | None, taps: int, merged: bool) -> tuple[Tensor, Table]:
    """Return pixels (K, P, T) int32 and their weights, for RoIs that share one layout.

    Args:
        rois: which of the K RoIs, or None for all.
        taps, merged: the layout that they share.
    """
    c, d_position, inverse = at.corners, at.d_position, at.inverse
    first = torch.minimum(at.first, (at.length - taps).clamp(min=0)[:, None])
    if not merged and 2 * c.low.shape[-1] > taps:
        keep = slice(0, taps // 2)
        c = Corners(*(f[..., keep] for f in (c.low, c.high, c.frac, c.inside, c.slope)))
        d_position = d_position[..., keep]
    if rois is not None:
        c = Corners(*(f[rois] for f in (c.low, c.high, c.frac, c.inside, c.slope)))
        d_position, inverse, first = d_position[:, rois], inverse[rois], first[rois]
    low, high = sample_weights(c, d_position, inverse[:, None, None])
    if not merged:
        pairs = [_pair(a, b) for a, b in zip(low, high, strict=True)]
        return torch.stack([c.low, c.high], -1).flatten(2), pairs
    begin = first[..., None]
    t = torch.arange(taps, device=begin.device, dtype=torch.int32)
    slots = [(edge - begin).clamp(0, taps - 1).to(torch.int64) for edge in (c.low, c.high)]
    return begin + t, [_scatter(slots, a, b, taps) for a, b in zip(low, high, strict=True)]


def _pair(low: Tensor | None, high: Tensor | None) -> Tensor | None:
    return None if low is None or high is None else torch.stack([low, high], -1).flatten(2)


def _scatter(slots: list[Tensor], low: Tensor | None, high: Tensor | None, taps: int) -> Tensor | None:
    if low is None or high is None:
        return None
    out = low.new_zeros(*low.shape[:2], taps)
    if not low.is_cuda:
        return out.scatter_add_(-1, slots[0], low).scatter_add_(-1, slots[1], high)
    # On CUDA an addition to one slot from many threads has no fixed order: one sample at a time has.
    for s in range(low.shape[-1]):
        for slot, weight in zip(slots, (low, high), strict=True):
            out.scatter_add_(-1, slot[..., s : s + 1], weight[..., s : s + 1])
    return out
