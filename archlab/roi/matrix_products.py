"""Products with the tap matrix A, by ``embedding_bag``: A f, the transpose A' g, and the entries of g f'.

``embedding_bag`` with per-sample weights is a sparse-times-dense product whose rows are summed in order by
one thread each: fast, and the same bits on any number of threads. The features are seen as rows of C
numbers. A map that is not channels_last, or in a half type, is converted a few channels at a time, which
bounds the memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from archlab.roi.geometry import Geometry
from archlab.roi.layouts import (
    accumulate_dtype,
    as_rows,
    channel_slices,
    empty_like_layout,
    is_channels_last,
    reads_in_place,
)
from archlab.roi.level_rois import split_by_level
from archlab.roi.tap_matrix import TapMatrix, tap_matrices

# A piece of the output is copied to its place while it is still in the cache.
PIECE_BYTES = 2 << 20


def multiply(rows: Tensor, taps: TapMatrix) -> Tensor:
    """Return A f: (bins, c) from (pixels, c)."""
    out = F.embedding_bag(taps.index, rows, taps.offsets, mode="sum", per_sample_weights=taps.weight)
    if taps.dead is None:
        return out
    # Only the dead rows: a masked fill would pass over the whole output once more.
    return out.index_fill_(0, taps.dead.nonzero()[:, 0], 0)


def multiply_transposed(rows: Tensor, order: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return A' g: (pixels, c) from (bins, c), with the taps in the order of ``by_pixel``."""
    bags, weight, offsets = order
    return F.embedding_bag(bags, rows, offsets, mode="sum", per_sample_weights=weight)


def by_pixel(taps: TapMatrix, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of the transpose: the taps sorted by pixel, stably, so that the order of summation is fixed."""
    keys, order = torch.sort(taps.index, stable=True)
    edges = torch.arange(pixels, device=keys.device, dtype=keys.dtype)
    offsets = torch.searchsorted(keys, edges, out_int32=keys.dtype == torch.int32)
    return taps.rows[order], taps.weight[order], offsets


def entries(rows: Tensor, out_rows: Tensor, taps: TapMatrix) -> Tensor:
    """Return (M,) the dot product of each tap's pixel and its bin: the gradient to the taps' weights."""
    # The backward of embedding_bag to its weights; autograd itself does not run inside an operator's kernel.
    out: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        out_rows, rows, taps.index, taps.offsets, taps.rows, 0
    )
    return out


def align(
    features: list[Tensor],
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Return A f, or its derivative along ``tangents``: (K, C, P, Q) in the first map's dtype and layout."""
    first = features[0]
    k, c, (p, q) = len(rois), first.shape[1], geometry.bins
    last = is_channels_last(first)
    sizes = [(x.shape[0], x.shape[2], x.shape[3]) for x in features]
    work, left_out = split_by_level(rois, levels, tangents, sizes, geometry)
    out: Tensor | None = None
    for each in work:
        x = features[each.level]
        for part, taps in tap_matrices(
            each.rois, each.tangents, geometry, each.level, sizes[each.level], accumulate_dtype(x.dtype)
        ):
            covers = each.place is None and part == slice(0, k)
            direct = reads_in_place(x)
            if covers and direct and last:
                return multiply(as_rows(x, slice(None)), taps).view(k, p, q, c).permute(0, 3, 1, 2)
            if out is None:
                out = empty_like_layout((k, c, p, q), first, last)
                if left_out:
                    out.zero_()
            for channels in channel_slices(x, direct):
                rows = as_rows(x, channels)
                width = rows.shape[1] * rows.element_size() * p * q
                for some, piece in taps.pieces(max(1, PIECE_BYTES // max(width, 1))):
                    result = multiply(rows, piece).view(-1, p, q, rows.shape[1]).permute(0, 3, 1, 2)
                    some = slice(part.start + some.start, part.start + some.stop)
                    _store(out, each.place, some, channels, result)
    if out is None:
        out = empty_like_layout((k, c, p, q), first, last).zero_()
    return out


def _store(out: Tensor, place: Tensor | None, some: slice, channels: slice, result: Tensor) -> None:
    if place is None:
        out[some, channels].copy_(result)
    elif out.is_contiguous():
        # Transposed first: index_copy_ of a permuted source walks it element by element.
        out[:, channels].index_copy_(0, place[some], result.to(out.dtype).contiguous())
    else:
        result = result.to(out.dtype).permute(0, 2, 3, 1)
        out.permute(0, 2, 3, 1)[..., channels].index_copy_(0, place[some], result)


def align_transposed(
    grad: Tensor,
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    sizes: list[tuple[int, int, int]],
    channels_last: bool,
    geometry: Geometry,
) -> list[Tensor]:
    """Return A' g, or its derivative along ``tangents``: one (N, C, H_l, W_l) per level, in g's dtype.

    Args:
        grad: (K, C, P, Q).
        sizes: per level, (N, H, W).
    """
    c, dtype = grad.shape[1], accumulate_dtype(grad.dtype)
    out = [empty_like_layout((n, c, h, w), grad, channels_last, dtype) for n, h, w in sizes]
    work, _ = split_by_level(rois, levels, tangents, sizes, geometry)
    written = set()
    for each in work:
        n, h, w = sizes[each.level]
        x = out[each.level]
        for part, taps in tap_matrices(each.rois, each.tangents, geometry, each.level, sizes[each.level], dtype):
            first = each.level not in written
            written.add(each.level)
            order = by_pixel(taps, n * h * w)
            selected = grad if each.place is None else grad[each.place]
            selected = selected[part]
            direct = reads_in_place(selected) and channels_last
            for channels in channel_slices(grad, direct):
                rows = as_rows(selected, channels)
                if taps.dead is not None:
                    rows = rows.masked_fill(taps.dead[:, None], 0)
                result = multiply_transposed(rows, order).view(n, h, w, -1).permute(0, 3, 1, 2)
                if direct and first:
                    out[each.level] = x = result
                elif first:
                    x[:, channels].copy_(result)
                else:
                    x[:, channels].add_(result)
    # Rounded once, when all parts are summed.
    return [(x if level in written else x.zero_()).to(grad.dtype) for level, x in enumerate(out)]


def align_boxes(
    features: list[Tensor],
    grad: Tensor,
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Return the gradient (K, 4) of the sum of g · A f to the boxes, or its derivative along ``tangents``."""
    sizes = [(x.shape[0], x.shape[2], x.shape[3]) for x in features]
    work, _ = split_by_level(rois, levels, tangents, sizes, geometry)
    out = rois.new_zeros(len(rois), 4)
    for each in work:
        x = features[each.level]
        dtype = accumulate_dtype(x.dtype)
        selected = grad if each.place is None else grad[each.place]
        sides = [_with_side(each.tangents, side) for side in range(4)]
        for matrices in zip(
            *(tap_matrices(each.rois, t, geometry, each.level, sizes[each.level], dtype) for t in sides),
            strict=True,
        ):
            part, taps = matrices[0]
            dots = taps.weight.new_zeros(len(taps.weight))
            for channels in channel_slices(x, reads_in_place(x)):
                rows = as_rows(x, channels)
                out_rows = as_rows(selected[part], channels)
                if taps.dead is not None:
                    out_rows = out_rows.masked_fill(taps.dead[:, None], 0)
                dots += entries(rows, out_rows, taps)
            counts = taps.length * taps.bins
            sums = [
                torch.segment_reduce((moved.weight * dots).to(rois.dtype), "sum", lengths=counts)
                for _, moved in matrices
            ]
            place = torch.arange(len(rois), device=rois.device) if each.place is None else each.place
            out[place[part]] = torch.stack(sums, 1)
    return out


def _with_side(tangents: Tensor, side: int) -> Tensor:
    """Add a direction, in which every box moves its coordinate ``side`` by one."""
    unit = torch.zeros_like(tangents[:1]) if len(tangents) else tangents.new_zeros(1, tangents.shape[1], 4)
    unit[..., side] = 1
    return torch.cat([tangents, unit])
