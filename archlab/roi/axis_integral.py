"""Precise RoI pooling along one axis: each pixel's weight is an exact integral over the bin.

Jiang et al., Acquisition of Localization Confidence for Accurate Object Detection (2018), equation 5; the
map is the bilinear interpolation of its pixels and 0 outside. Tables of derivatives as in ``axis_intervals``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.axis_intervals import Interval, Table


@dataclass(frozen=True)
class BinEdges:
    """The two ends of every bin, (K, P), their derivatives (n, K, P), and the run of pixels they touch."""

    lo: Tensor
    hi: Tensor
    d_lo: Tensor
    d_hi: Tensor
    first: Tensor  # (K, P) int32
    length: Tensor  # (K,) int32 pixels of the axis
    taps: Tensor  # (K,) int64


def cut_bins(where: Interval, bins: int, length: Tensor) -> BinEdges:
    """Cut K intervals into bins, each on an axis of its own ``length`` (K,)."""
    p = torch.arange(bins, device=where.size.device, dtype=where.size.dtype)
    start, size, d_start, d_size = (f[..., None] for f in (where.start, where.size, where.d_start, where.d_size))
    lo, hi = start + size * (p / bins), start + size * ((p + 1) / bins)
    end = (length - 1)[:, None]
    first = lo.floor().clamp(min=0).clamp(max=end)
    last = hi.ceil().clamp(min=0).clamp(max=end)
    taps = (last - first + 1).amax(-1).to(torch.int64)
    return BinEdges(
        lo,
        hi,
        d_start + d_size * (p / bins),
        d_start + d_size * ((p + 1) / bins),
        first.to(torch.int32),
        length,
        taps,
    )


def integral_taps(at: BinEdges, rois: Tensor | None, taps: int) -> tuple[Tensor, Table]:
    """Return pixels (K, P, T) int32 and their weights, for RoIs that touch up to ``taps`` pixels per bin."""
    lo, hi, d_lo, d_hi = at.lo, at.hi, at.d_lo, at.d_hi
    first = torch.minimum(at.first, (at.length - taps).clamp(min=0)[:, None])
    if rois is not None:
        lo, hi, d_lo, d_hi, first = lo[rois], hi[rois], d_lo[:, rois], d_hi[:, rois], first[rois]
    t = torch.arange(taps, device=lo.device, dtype=torch.int32)
    pixel = first[..., None] + t
    a, b = lo[..., None] - pixel, hi[..., None] - pixel
    return pixel, _mean_of_hat(a, b, d_lo[..., None], d_hi[..., None])


def _mean_of_hat(a: Tensor, b: Tensor, d_a: Tensor, d_b: Tensor) -> Table:
    """Return the mean of max(0, 1 - |x|) over [a, b], and its derivatives by the quotient rule.

    With N the integral and D = b - a, the weight is W = N / D, so W_U = (N_U - sum_v W_{U-v} D_v) / D,
    because D is linear in the ends.
    """
    width = b - a
    empty = width <= 0
    inverse = torch.where(empty, 0.0, 1 / torch.where(empty, 1.0, width))
    integral: Table = [_hat_integral(b) - _hat_integral(a)]
    integral += [None] * ((1 << d_a.shape[0]) - 1)
    weights: Table = []
    for mask in range(len(integral)):
        along = [v for v in range(d_a.shape[0]) if mask >> v & 1]
        n = integral[0] if not along else None
        if len(along) == 1:
            n = _hat(b) * d_b[along[0]] - _hat(a) * d_a[along[0]]
        elif len(along) == 2:
            u, v = along
            n = _hat_slope(b) * d_b[u] * d_b[v] - _hat_slope(a) * d_a[u] * d_a[v]
        total = torch.zeros_like(width) if n is None else n
        for v in along:
            smaller = weights[mask & ~(1 << v)]
            assert smaller is not None
            total = total - smaller * (d_b[v] - d_a[v])
        weights.append(total * inverse)
    return weights


def _hat(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp(min=0)


def _hat_slope(x: Tensor) -> Tensor:
    return -torch.sign(x) * (x.abs() < 1)


def _hat_integral(x: Tensor) -> Tensor:
    """Return the integral of the hat from -1 to x."""
    x = x.clamp(-1, 1)
    return 0.5 + x - 0.5 * x * x.abs()
