"""The maxima: which pixel or sample wins each bin, and the linear operator that the choice leaves.

Once the choice is fixed, a maximum reads up to four pixels of each channel: it is linear in the features
like the average, with taps that differ by channel. A choice is an int32 per output element, -1 where there
is none:

- ``max``: the sample, row * columns of the grid + column;
- ``onnx_max``: the sample * 4 + its corner (low-low, low-high, high-low, high-high);
- ``caffe`` and ``partition``: the pixel, y * W + x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.axis_intervals import Interval, Table, box_intervals
from archlab.roi.axis_samples import (
    bilinear_corners,
    most_samples,
    sample_positions,
    sample_weights,
    samples_per_bin,
    skipped_samples,
)
from archlab.roi.geometry import POOL_MODES, Geometry
from archlab.roi.layouts import accumulate_dtype, empty_like_layout, is_channels_last
from archlab.roi.level_rois import LevelRoIs, map_rois, roi_slices


@dataclass(frozen=True)
class PixelTaps:
    """Up to four pixels (.., 4) of a map and their weights, for every output element of some RoIs."""

    index: Tensor  # (k, C, P, Q, 4) int64, into a map (N·C·H·W) read as contiguous
    weight: Tensor


def align(
    features: list[Tensor],
    choice: Tensor,
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Return the chosen values (K, C, P, Q), or their derivative along ``tangents``."""
    first = features[0]
    shape = (len(rois), first.shape[1], *geometry.bins)
    out = empty_like_layout(shape, first, is_channels_last(first)).zero_()
    for each in map_rois(features, rois, levels, tangents, geometry):
        flat = features[each.level].contiguous().view(-1)
        for place, taps in _taps(each, choice, features[each.level].shape, geometry):
            read = flat[taps.index].to(taps.weight.dtype)
            # A tap of weight 0 must not spread an infinity.
            out[place] = torch.where(taps.weight == 0, 0, read * taps.weight).sum(-1).to(out.dtype)
    return out


def align_transposed(
    grad: Tensor,
    choice: Tensor,
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    sizes: list[tuple[int, int, int]],
    channels_last: bool,
    geometry: Geometry,
) -> list[Tensor]:
    """Return one (N, C, H_l, W_l) gradient per level, in g's dtype."""
    c, dtype = grad.shape[1], accumulate_dtype(grad.dtype)
    out = []
    maps = [torch.zeros(n, c, h, w, dtype=dtype, device=grad.device) for n, h, w in sizes]
    for each in map_rois(maps, rois, levels, tangents, geometry):
        flat = maps[each.level].view(-1)
        for place, taps in _taps(each, choice, maps[each.level].shape, geometry):
            moved = (grad[place].to(dtype)[..., None] * taps.weight).to(dtype)
            moved = torch.where(taps.weight == 0, 0, moved)
            add_in_order(flat, taps.index.flatten(), moved.flatten())
    for (n, h, w), x in zip(sizes, maps, strict=True):
        out.append(empty_like_layout((n, c, h, w), grad, channels_last).copy_(x))
    return out


def align_boxes(
    features: list[Tensor],
    grad: Tensor,
    choice: Tensor,
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Return the gradient (K, 4) to the boxes of the chosen values' products with g."""
    out = rois.new_zeros(len(rois), 4)
    if tangents is None:
        tangents = rois.new_zeros(0, len(rois), 4)
    for side in range(4):
        unit = torch.zeros_like(rois[None, :, 1:])
        unit[..., side] = 1
        moved = torch.cat([tangents, unit])
        for each in map_rois(features, rois, levels, moved, geometry):
            flat = features[each.level].contiguous().view(-1)
            for place, taps in _taps(each, choice, features[each.level].shape, geometry):
                read = flat[taps.index].to(taps.weight.dtype)
                slope = torch.where(taps.weight == 0, 0, read * taps.weight).sum(-1)
                out[place, side] = (slope * grad[place]).flatten(1).sum(1).to(out.dtype)
    return out


def add_in_order(flat: Tensor, index: Tensor, values: Tensor) -> None:
    """Add ``values`` to ``flat[index]``, each sum in the order of ``values``, on any number of threads."""
    if not flat.is_cuda:
        flat.scatter_add_(0, index, values)
        return
    # CUDA's scatter_add_ is atomic and its order is not fixed: sort by place, then sum each run.
    keys, order = torch.sort(index, stable=True)
    where, counts = torch.unique_consecutive(keys, return_counts=True)
    flat[where] += torch.segment_reduce(values[order], "sum", lengths=counts)


def _taps(
    each: LevelRoIs, choice: Tensor, shape: torch.Size, geometry: Geometry
) -> Iterator[tuple[slice | Tensor, PixelTaps]]:
    """Yield the taps of every output element, some RoIs at a time, with the places of these RoIs among all K."""
    elements = choice[:1].numel()
    for some in roi_slices(len(each.rois), elements):
        place = some if each.place is None else each.place[some]
        code = choice[place].to(torch.int64)
        yield place, _decode(code, each.rois[some], each.tangents[:, some], shape, geometry, each.level)


def _decode(
    code: Tensor, rois: Tensor, tangents: Tensor, shape: torch.Size, geometry: Geometry, level: int
) -> PixelTaps:
    _, channels, height, width = shape
    dtype = rois.dtype
    channel = torch.arange(channels, device=code.device)[:, None, None]
    base = (rois[:, 0].to(torch.int64)[:, None, None, None] * channels + channel) * (height * width)
    chosen = code >= 0
    if geometry.mode in POOL_MODES:
        # A pooled maximum does not move with the box: its derivatives are 0.
        weight = chosen.to(dtype) if not len(tangents) else torch.zeros(code.shape, dtype=dtype, device=code.device)
        pixel = code.clamp(0, height * width - 1)
        return PixelTaps((base + pixel)[..., None], weight[..., None])
    corner = code % 4 if geometry.mode == "onnx_max" else None
    sample = (code // 4 if geometry.mode == "onnx_max" else code).clamp(min=0)
    columns = most_samples(geometry.sampling_ratio, width)
    y, x_ = box_intervals(rois, tangents, geometry, level)
    y_low, y_high, wy = _decode_axis(y, sample // columns, 0, height, geometry)
    x_low, x_high, wx = _decode_axis(x_, sample % columns, 1, width, geometry)
    pixel = torch.stack([y * width + x for y in (y_low, y_high) for x in (x_low, x_high)], -1)
    weight = _corner_products(wy, wx) * chosen[..., None]
    if corner is not None:
        weight = weight * (torch.arange(4, device=code.device) == corner[..., None])
    return PixelTaps(base[..., None] + pixel, weight)


def _decode_axis(
    where: Interval, sample: Tensor, side: int, length: int, geometry: Geometry
) -> tuple[Tensor, Tensor, tuple[Table, Table]]:
    bins, shape = geometry.bins[side], ((-1, 1), (1, -1))[side]
    p = torch.arange(bins, device=sample.device).view(shape)
    grid = samples_per_bin(where.size, bins, geometry.sampling_ratio)
    before = skipped_samples(where, bins, grid, most_samples(geometry.sampling_ratio, length))
    lines = Interval(*(f[..., None, None, None] for f in (where.start, where.size, where.d_start, where.d_size)))
    s = sample.to(where.size.dtype) + before.view(len(before), 1, *(n if n == 1 else bins for n in shape))
    position, moved = sample_positions(lines, bins, p, s, grid.clamp(min=1)[:, None, None, None])
    corners = bilinear_corners(position, length)
    one = torch.ones((), dtype=position.dtype, device=position.device)
    tables = sample_weights(corners, moved, one)
    return corners.low.to(torch.int64), corners.high.to(torch.int64), tables


def _corner_products(y: tuple[Table, Table], x: tuple[Table, Table]) -> Tensor:
    every = len(y[0]) - 1
    corners = []
    for a in y:
        for b in x:
            terms = [
                wy * wx
                for mask in range(every + 1)
                if (wy := a[mask]) is not None and (wx := b[every ^ mask]) is not None
            ]
            first = a[0]
            assert first is not None
            corners.append(sum(terms[1:], terms[0]) if terms else torch.zeros_like(first))
    return torch.stack(corners, -1)
