"""The bins of RoI pooling along one axis: which pixels belong to each."""

from __future__ import annotations

import torch
from torch import Tensor


def pool_edges(lo: Tensor, hi: Tensor, scale: float, bins: int, length: int, mode: str) -> tuple[Tensor, Tensor]:
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
