"""The winners of the maxima: ``archlab::roi_choose``. ``max_values`` says what a choice means."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from archlab.roi.axis_intervals import box_intervals
from archlab.roi.axis_samples import most_samples, place_samples
from archlab.roi.geometry import POOL_MODES, Geometry
from archlab.roi.layouts import as_rows, is_channels_last
from archlab.roi.level_rois import map_rois, roi_slices
from archlab.roi.pool_bins import pool_edges


def find_winners(features: list[Tensor], rois: Tensor, levels: Tensor | None, geometry: Geometry) -> Tensor:
    """Return (K, C, P, Q) int32: the choice of every output element."""
    first = features[0]
    k, c, (p, q) = len(rois), first.shape[1], geometry.bins
    layout = torch.channels_last if is_channels_last(first) else torch.contiguous_format
    out = torch.empty(k, c, p, q, dtype=torch.int32, device=first.device, memory_format=layout).fill_(-1)
    for each in map_rois(features, rois, levels, None, geometry):
        x = features[each.level]
        for some in roi_slices(len(each.rois), c * p * q):
            place = some if each.place is None else each.place[some]
            if geometry.mode in POOL_MODES:
                out[place] = _best_pixel(x, each.rois[some], geometry, each.level)
            else:
                out[place] = _best_sample(x, each.rois[some], geometry, each.level)
    return out


def _distinct_rows(*columns: Tensor) -> list[tuple[list[int], Tensor]]:
    """Return the distinct rows of some (k,) columns, each with the places where it stands."""
    kinds, kind = torch.unique(torch.stack(columns, 1), dim=0, return_inverse=True)
    return [(row, torch.nonzero(kind == i)[:, 0]) for i, row in enumerate(kinds.tolist())]


def _best_sample(x: Tensor, rois: Tensor, geometry: Geometry, level: int) -> Tensor:
    """Return the winning sample of each bin: (k, C, P, Q) int32."""
    (p, q), ratio, (height, width) = geometry.bins, geometry.sampling_ratio, x.shape[2:]
    y_at, x_at = box_intervals(rois, rois.new_zeros(0, len(rois), 4), geometry, level)
    heights, widths = (torch.full((len(rois),), n, dtype=torch.int32, device=x.device) for n in x.shape[2:])
    y = place_samples(y_at, p, ratio, heights, height)
    x_ = place_samples(x_at, q, ratio, widths, width)
    rows = as_rows(x, slice(None))
    base = (rois[:, 0].to(torch.int64) * (height * width))[:, None, None, None]
    out = torch.full((len(rois), p * q, x.shape[1]), -1, dtype=torch.int32, device=x.device)
    columns = most_samples(ratio, width)
    for (ny, nx, complete), some in _distinct_rows(y.listed, x_.listed, (y.complete & x_.complete).to(torch.int32)):
        best = rows.new_full((len(some) * p * q, x.shape[1]), -torch.inf if complete else 0.0)
        choice = torch.full(best.shape, -1, dtype=torch.int32, device=x.device)
        for s in range(ny * nx):
            sy, sx = divmod(s, nx)
            cy = [f[some, :, sy] for f in (y.corners.low, y.corners.high, y.corners.frac, y.corners.inside)]
            cx = [f[some, :, sx] for f in (x_.corners.low, x_.corners.high, x_.corners.frac, x_.corners.inside)]
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
    """Yield the candidates of one sample: its value, or each of its weighted corners."""
    if mode == "max":
        yield 0, F.embedding_bag(pixel, rows, mode="sum", per_sample_weights=weight)
        return
    for corner in range(4):
        yield corner, rows[pixel[:, corner]] * weight[:, corner, None]


def _best_pixel(x: Tensor, rois: Tensor, geometry: Geometry, level: int) -> Tensor:
    """Return the winning pixel of each bin: (k, C, P, Q) int32."""
    (p, q), (height, width) = geometry.bins, x.shape[2:]
    scale_y, scale_x = geometry.scales[level]
    top, bottom = pool_edges(rois[:, 2], rois[:, 4], scale_y, p, height, geometry.mode)
    left, right = pool_edges(rois[:, 1], rois[:, 3], scale_x, q, width, geometry.mode)
    rows = as_rows(x, slice(None))
    image = rois[:, 0].to(torch.int64) * (height * width)
    out = torch.full((len(rois), p * q, x.shape[1]), -1, dtype=torch.int32, device=x.device)
    sizes = [(end - begin).amax(-1).clamp(min=0) for begin, end in ((top, bottom), (left, right))]
    for (ny, nx), some in _distinct_rows(*sizes):
        if ny == 0 or nx == 0:
            continue
        # A bin shorter than the longest reads its last pixel again: harmless to a maximum.
        row = _pixel_run(top[some], bottom[some], ny) * width
        column = _pixel_run(left[some], right[some], nx)
        pixel = (row[:, :, None, :, None] + column[:, None, :, None, :]).reshape(-1, ny * nx)
        roi = image[some].repeat_interleave(p * q)
        starts = torch.arange(0, pixel.numel(), ny * nx, device=x.device)
        flat = (pixel + roi[:, None]).view(-1)
        winner = torch.embedding_bag(rows, flat, starts, False, 2)[3]
        full = (bottom[some] > top[some])[:, :, None] & (right[some] > left[some])[:, None, :]
        winner = torch.where(full.view(-1, 1), winner - roi[:, None], -1)
        out[some] = winner.to(torch.int32).view(len(some), p * q, -1)
    return out.view(len(rois), p, q, -1).permute(0, 3, 1, 2)


def _pixel_run(begin: Tensor, end: Tensor, most: int) -> Tensor:
    t = torch.arange(most, device=begin.device)
    return torch.minimum(begin[..., None] + t, end[..., None] - 1).clamp(min=0)
