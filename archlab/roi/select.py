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
import torch.nn.functional as F
from torch import Tensor

from archlab.roi import axis
from archlab.roi.geometry import POOL_MODES, Geometry
from archlab.roi.sparse import (
    Work,
    accumulate_dtype,
    as_rows,
    empty_like_layout,
    is_channels_last,
    per_level,
)

# Elements of the output worked on at once; the temporaries take some fifty bytes each.
ELEMENTS = 1 << 19


@dataclass(frozen=True)
class PixelTaps:
    """Up to four pixels (.., 4) of a map and their weights, for every output element of some RoIs."""

    index: Tensor  # (k, C, P, Q, 4) int64, into a map (N·C·H·W) read as contiguous
    weight: Tensor


def choose(features: list[Tensor], rois: Tensor, levels: Tensor | None, geometry: Geometry) -> Tensor:
    """(K, C, P, Q) int32: the choice of every output element."""
    first = features[0]
    k, c, (p, q) = len(rois), first.shape[1], geometry.bins
    layout = torch.channels_last if is_channels_last(first) else torch.contiguous_format
    out = torch.empty(k, c, p, q, dtype=torch.int32, device=first.device, memory_format=layout).fill_(-1)
    for each in _work(features, rois, levels, None, geometry):
        x = features[each.level]
        for some in _pieces(len(each.rois), c * p * q):
            place = some if each.place is None else each.place[some]
            if geometry.mode in POOL_MODES:
                out[place] = _best_pixel(x, each.rois[some], geometry, each.level)
            else:
                out[place] = _best_sample(x, each.rois[some], geometry, each.level)
    return out


def align(
    features: list[Tensor],
    choice: Tensor,
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """The chosen values (K, C, P, Q), or their derivative along ``tangents``."""
    first = features[0]
    shape = (len(rois), first.shape[1], *geometry.bins)
    out = empty_like_layout(shape, first, is_channels_last(first)).zero_()
    for each in _work(features, rois, levels, tangents, geometry):
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
    """One (N, C, H_l, W_l) gradient per level, in g's dtype."""
    c, dtype = grad.shape[1], accumulate_dtype(grad.dtype)
    out = []
    maps = [torch.zeros(n, c, h, w, dtype=dtype, device=grad.device) for n, h, w in sizes]
    for each in _work(maps, rois, levels, tangents, geometry):
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
    """The gradient (K, 4) with respect to the boxes of the chosen values' products with g."""
    out = rois.new_zeros(len(rois), 4)
    if tangents is None:
        tangents = rois.new_zeros(0, len(rois), 4)
    for side in range(4):
        unit = torch.zeros_like(rois[None, :, 1:])
        unit[..., side] = 1
        moved = torch.cat([tangents, unit])
        for each in _work(features, rois, levels, moved, geometry):
            flat = features[each.level].contiguous().view(-1)
            for place, taps in _taps(each, choice, features[each.level].shape, geometry):
                read = flat[taps.index].to(taps.weight.dtype)
                slope = torch.where(taps.weight == 0, 0, read * taps.weight).sum(-1)
                out[place, side] = (slope * grad[place]).flatten(1).sum(1).to(out.dtype)
    return out


def add_in_order(flat: Tensor, index: Tensor, values: Tensor) -> None:
    """flat[index] += values, each sum in the order of ``values``, on any number of threads."""
    if not flat.is_cuda:
        flat.scatter_add_(0, index, values)
        return
    # CUDA's scatter_add_ is atomic and its order is not fixed: sort by place, then sum each run.
    keys, order = torch.sort(index, stable=True)
    where, counts = torch.unique_consecutive(keys, return_counts=True)
    flat[where] += torch.segment_reduce(values[order], "sum", lengths=counts)


def _work(
    maps: list[Tensor], rois: Tensor, levels: Tensor | None, tangents: Tensor | None, geometry: Geometry
) -> list[Work]:
    if maps[0].shape[1] == 0:
        return []
    sizes = [(x.shape[0], x.shape[2], x.shape[3]) for x in maps]
    return per_level(rois, levels, tangents, sizes, geometry)[0]


def _pieces(rois: int, elements: int) -> list[slice]:
    step = max(1, ELEMENTS // max(elements, 1))
    return [slice(k, min(k + step, rois)) for k in range(0, rois, step)]


def _intervals(rois: Tensor, tangents: Tensor, geometry: Geometry, level: int) -> list[axis.Interval]:
    return [
        axis.interval(
            rois[:, lo],
            rois[:, lo + 2],
            tangents[..., lo - 1],
            tangents[..., lo + 1],
            geometry.scales[level][side],
            geometry,
        )
        for side, lo in ((0, 2), (1, 1))
    ]


def _kinds(*columns: Tensor) -> list[tuple[list[int], Tensor]]:
    """The distinct rows of some (k,) columns, each with the places where it stands."""
    kinds, kind = torch.unique(torch.stack(columns, 1), dim=0, return_inverse=True)
    return [(row, torch.nonzero(kind == i)[:, 0]) for i, row in enumerate(kinds.tolist())]


def _best_sample(x: Tensor, rois: Tensor, geometry: Geometry, level: int) -> Tensor:
    """The winning sample of each bin: (k, C, P, Q) int32."""
    (p, q), ratio, (height, width) = geometry.bins, geometry.sampling_ratio, x.shape[2:]
    y_at, x_at = _intervals(rois, rois.new_zeros(0, len(rois), 4), geometry, level)
    heights, widths = (torch.full((len(rois),), n, dtype=torch.int32, device=x.device) for n in x.shape[2:])
    y = axis.samples(y_at, p, ratio, heights, height)
    x_ = axis.samples(x_at, q, ratio, widths, width)
    rows = as_rows(x, slice(None))
    base = (rois[:, 0].to(torch.int64) * (height * width))[:, None, None, None]
    out = torch.full((len(rois), p * q, x.shape[1]), -1, dtype=torch.int32, device=x.device)
    columns = axis.window(ratio, width)
    for (ny, nx, complete), some in _kinds(y.listed, x_.listed, (y.complete & x_.complete).to(torch.int32)):
        best = rows.new_full((len(some) * p * q, x.shape[1]), -torch.inf if complete else 0.0)
        choice = torch.full(best.shape, -1, dtype=torch.int32, device=x.device)
        for s in range(ny * nx):
            sy, sx = divmod(s, nx)
            cy = [f[some, :, sy] for f in (y.corners.low, y.corners.high, y.corners.frac, y.corners.inside)]
            cx = [
                f[some, :, sx] for f in (x_.corners.low, x_.corners.high, x_.corners.frac, x_.corners.inside)
            ]
            pixel = torch.stack(cy[:2], -1)[:, :, None, :, None].to(torch.int64) * width
            pixel = (pixel + torch.stack(cx[:2], -1)[:, None, :, None, :] + base[some, ..., None]).view(-1, 4)
            wy, wx = (torch.stack([1 - c[2], c[2]], -1).to(rows.dtype) for c in (cy, cx))
            weight = (wy[:, :, None, :, None] * wx[:, None, :, None, :]).reshape(-1, 4)
            inside = (cy[3][:, :, None] & cx[3][:, None, :]).view(-1, 1)
            code = torch.where(inside, sy * columns + sx, -1).to(torch.int32)
            for corner, value in _values(rows, pixel, weight, geometry.mode):
                value = torch.where(inside, value, 0)
                better = value > best
                best = torch.where(better, value, best)
                marked = code if geometry.mode == "max" else torch.where(inside, code * 4 + corner, -1)
                choice = torch.where(better, marked, choice)
        out[some] = choice.view(len(some), p * q, -1)
    return out.view(len(rois), p, q, -1).permute(0, 3, 1, 2)


def _values(rows: Tensor, pixel: Tensor, weight: Tensor, mode: str) -> Iterator[tuple[int, Tensor]]:
    """The candidates of one sample: its value, or each of its weighted corners."""
    if mode == "max":
        yield 0, F.embedding_bag(pixel, rows, mode="sum", per_sample_weights=weight)
        return
    for corner in range(4):
        yield corner, rows[pixel[:, corner]] * weight[:, corner, None]


def pool_edges(
    lo: Tensor, hi: Tensor, scale: float, bins: int, length: int, mode: str
) -> tuple[Tensor, Tensor]:
    """First pixel and end of each bin, (K, P) int64, clipped to the map; an end at or before the first: no
    pixels.

    ``caffe``: both ends rounded, the last pixel included, bins from floor to ceil (Girshick, Fast R-CNN,
    2015; the arithmetic is that of Caffe and torchvision). ``partition``: both ends rounded, the last pixel
    excluded, bins of floor(size / bins) pixels and the last takes the rest.
    """
    first, last = _round(lo * scale), _round(hi * scale)
    p = torch.arange(bins, device=lo.device, dtype=lo.dtype)
    if mode == "caffe":
        step = ((last - first + 1).clamp(min=1) / bins)[:, None]
        begin, end = torch.floor(p * step), torch.ceil((p + 1) * step)
    else:
        size = (last - first).clamp(min=0)[:, None]
        step = torch.floor(size / bins)
        begin, end = p * step, torch.where(p == bins - 1, size, (p + 1) * step)
    begin, end = ((edge + first[:, None]).clamp(0, length).to(torch.int64) for edge in (begin, end))
    return begin, end


def _round(x: Tensor) -> Tensor:
    """Halves away from zero, as C rounds."""
    whole = torch.trunc(x)
    return whole + torch.sign(x) * ((x - whole).abs() >= 0.5)


def _best_pixel(x: Tensor, rois: Tensor, geometry: Geometry, level: int) -> Tensor:
    """The winning pixel of each bin: (k, C, P, Q) int32."""
    (p, q), (height, width) = geometry.bins, x.shape[2:]
    scale_y, scale_x = geometry.scales[level]
    top, bottom = pool_edges(rois[:, 2], rois[:, 4], scale_y, p, height, geometry.mode)
    left, right = pool_edges(rois[:, 1], rois[:, 3], scale_x, q, width, geometry.mode)
    rows = as_rows(x, slice(None))
    image = rois[:, 0].to(torch.int64) * (height * width)
    out = torch.full((len(rois), p * q, x.shape[1]), -1, dtype=torch.int32, device=x.device)
    sizes = [(end - begin).amax(-1).clamp(min=0) for begin, end in ((top, bottom), (left, right))]
    for (ny, nx), some in _kinds(*sizes):
        if ny == 0 or nx == 0:
            continue
        # A bin shorter than the longest reads its last pixel again: harmless to a maximum.
        row = _run(top[some], bottom[some], ny) * width
        column = _run(left[some], right[some], nx)
        pixel = (row[:, :, None, :, None] + column[:, None, :, None, :]).reshape(-1, ny * nx)
        roi = image[some].repeat_interleave(p * q)
        starts = torch.arange(0, pixel.numel(), ny * nx, device=x.device)
        flat = (pixel + roi[:, None]).view(-1)
        winner = torch.embedding_bag(rows, flat, starts, False, 2)[3]
        full = (bottom[some] > top[some])[:, :, None] & (right[some] > left[some])[:, None, :]
        winner = torch.where(full.view(-1, 1), winner - roi[:, None], -1)
        out[some] = winner.to(torch.int32).view(len(some), p * q, -1)
    return out.view(len(rois), p, q, -1).permute(0, 3, 1, 2)


def _run(begin: Tensor, end: Tensor, most: int) -> Tensor:
    t = torch.arange(most, device=begin.device)
    return torch.minimum(begin[..., None] + t, end[..., None] - 1).clamp(min=0)


def _taps(
    each: Work, choice: Tensor, shape: torch.Size, geometry: Geometry
) -> Iterator[tuple[slice | Tensor, PixelTaps]]:
    """The taps of every output element, some RoIs at a time, with the places of these RoIs among all K."""
    elements = choice[:1].numel()
    for some in _pieces(len(each.rois), elements):
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
        weight = (
            chosen.to(dtype)
            if not len(tangents)
            else torch.zeros(code.shape, dtype=dtype, device=code.device)
        )
        pixel = code.clamp(0, height * width - 1)
        return PixelTaps((base + pixel)[..., None], weight[..., None])
    corner = code % 4 if geometry.mode == "onnx_max" else None
    sample = (code // 4 if geometry.mode == "onnx_max" else code).clamp(min=0)
    columns = axis.window(geometry.sampling_ratio, width)
    y, x_ = _intervals(rois, tangents, geometry, level)
    y_low, y_high, wy = _decode_axis(y, sample // columns, 0, height, geometry)
    x_low, x_high, wx = _decode_axis(x_, sample % columns, 1, width, geometry)
    pixel = torch.stack([y * width + x for y in (y_low, y_high) for x in (x_low, x_high)], -1)
    weight = _corner_products(wy, wx) * chosen[..., None]
    if corner is not None:
        weight = weight * (torch.arange(4, device=code.device) == corner[..., None])
    return PixelTaps(base[..., None] + pixel, weight)


def _decode_axis(
    where: axis.Interval, sample: Tensor, side: int, length: int, geometry: Geometry
) -> tuple[Tensor, Tensor, tuple[axis.Table, axis.Table]]:
    bins, shape = geometry.bins[side], ((-1, 1), (1, -1))[side]
    p = torch.arange(bins, device=sample.device).view(shape)
    grid = axis.grid(where.size, bins, geometry.sampling_ratio)
    before = axis.skipped(where, bins, grid, axis.window(geometry.sampling_ratio, length))
    lines = axis.Interval(
        *(f[..., None, None, None] for f in (where.start, where.size, where.d_start, where.d_size))
    )
    s = sample.to(where.size.dtype) + before.view(len(before), 1, *(n if n == 1 else bins for n in shape))
    position, moved = axis.place(lines, bins, p, s, grid.clamp(min=1)[:, None, None, None])
    corners = axis.bilinear(position, length)
    one = torch.ones((), dtype=position.dtype, device=position.device)
    tables = axis.sample_weights(corners, moved, one)
    return corners.low.to(torch.int64), corners.high.to(torch.int64), tables


def _corner_products(y: tuple[axis.Table, axis.Table], x: tuple[axis.Table, axis.Table]) -> Tensor:
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
