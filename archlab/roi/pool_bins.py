"""The bins of RoI pooling along one axis: which pixels belong to each."""

from __future__ import annotations

import torch
from torch import Tensor

from archlab.roi.axis_intervals import divided


def pool_edges(lo: Tensor, hi: Tensor, scale: float, bins: int, length: int, mode: str) -> tuple[Tensor, Tensor]:
    """Return the first pixel and the end of each bin, clipped to the map; an end at or before the first: no pixels.

    Args:
        lo, hi: (K,), finite, in the units of the boxes.
        scale: pixels per unit.
        length: pixels of the axis.
        mode: as in :func:`pool_bins`.

    Returns:
        Two (K, P) int64.
    """
    begin, end = (edge.clamp(0, length).to(torch.int64) for edge in pool_bins(lo * scale, hi * scale, bins, mode))
    return begin, end


def pool_bins(lo: Tensor, hi: Tensor, bins: int, mode: str) -> tuple[Tensor, Tensor]:
    """Return the first pixel and the end of each bin of K intervals given in pixels, wherever the map ends.

    ``caffe``: both ends rounded, the last pixel included, bins from floor to ceil (Girshick, Fast R-CNN,
    2015; the arithmetic is that of Caffe and torchvision). ``partition``: both ends rounded, the last pixel
    excluded, bins of floor(size / bins) pixels and the last takes the rest.

    Returns:
        Two (K, P) of whole numbers in the dtype of ``lo``.

    >>> [edge.tolist() for edge in pool_bins(torch.tensor([0.4]), torch.tensor([6.6]), 2, "partition")]
    [[[0.0, 3.0]], [[3.0, 7.0]]]
    >>> [edge.tolist() for edge in pool_bins(torch.tensor([0.4]), torch.tensor([6.6]), 2, "caffe")]
    [[[0.0, 4.0]], [[4.0, 8.0]]]
    """
    first, last = round_half_away(lo), round_half_away(hi)
    p = torch.arange(bins, device=lo.device, dtype=lo.dtype)
    if mode == "caffe":
        step = divided((last - first + 1).clamp(min=1), bins)[:, None]
        begin, end = torch.floor(p * step), torch.ceil((p + 1) * step)
    else:
        size = (last - first).clamp(min=0)[:, None]
        step = torch.floor(divided(size, bins))
        begin, end = p * step, torch.where(p == bins - 1, size, (p + 1) * step)
    return begin + first[:, None], end + first[:, None]


def round_half_away(x: Tensor) -> Tensor:
    """Round halves away from zero, as C does; torch rounds them to the even neighbour.

    >>> round_half_away(torch.tensor([0.5, 2.5, -0.5])).tolist()
    [1.0, 3.0, -1.0]
    """
    whole = torch.trunc(x)
    return whole + torch.sign(x) * ((x - whole).abs() >= 0.5)
