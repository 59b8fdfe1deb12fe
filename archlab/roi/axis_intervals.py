"""The RoIs' intervals along one axis of a map, and how they move.

The average and the exact integral are separable, so that a bin's weights over the map are the outer product
of one column of weights along y and one along x: this file, ``axis_samples`` and ``axis_integral`` are about
a single axis.

Suffixes of shapes: K RoIs, P bins, S samples of a bin, T taps (pixels with a weight) of a bin.

Derivatives: a weight is a function of the interval's two ends. ``tangents`` are n directions in which the
ends move; weights come as a table with 2^n rows, row ``m`` holding the derivative along the directions
whose bits are set in ``m``, or None where it vanishes. One table therefore serves the operator, its
gradients and theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.geometry import Geometry

Table = list[Tensor | None]


@dataclass(frozen=True)
class Interval:
    """K intervals on one axis of a map, in that map's pixels, and how they move along n directions."""

    start: Tensor  # (K,)
    size: Tensor  # (K,)
    d_start: Tensor  # (n, K)
    d_size: Tensor  # (n, K)


def divided(x: Tensor, by: int) -> Tensor:
    """Return x / by, rounded once: by a Python number CUDA multiplies with its rounded inverse, which a ceil shows."""
    return x / torch.full((), by, dtype=x.dtype, device=x.device)


def scaled_interval(lo: Tensor, hi: Tensor, d_lo: Tensor, d_hi: Tensor, scale: float, geometry: Geometry) -> Interval:
    """Return the interval in pixels; at least one pixel long where ``aligned`` is off, as in Caffe2's RoIAlign.

    Args:
        lo, hi: (K,), finite, in the units of the boxes.
        d_lo, d_hi: (n, K).
        scale: pixels per unit.
    """
    start = lo * scale - (0.5 if geometry.aligned else 0.0)
    size = hi * scale - (0.5 if geometry.aligned else 0.0) - start
    floor = 0.0 if geometry.mode == "prroi" else None if geometry.aligned else 1.0
    d_size = (d_hi - d_lo) * scale
    if floor is not None:
        d_size = d_size * (size > floor)
        size = size.clamp(min=floor)
    return Interval(start, size, d_lo * scale, d_size)


def box_intervals(rois: Tensor, tangents: Tensor, geometry: Geometry, level: int) -> tuple[Interval, Interval]:
    """Return the intervals of K boxes along y and along x, in the pixels of one level.

    Args:
        rois: (K, 5), usable.
        tangents: (n, K, 4), directions in which the corners x1, y1, x2, y2 move.
    """
    y, x = (
        scaled_interval(rois[:, lo], rois[:, lo + 2], tangents[..., lo - 1], tangents[..., lo + 1], scale, geometry)
        for lo, scale in zip((2, 1), geometry.scales[level], strict=True)
    )
    return y, x
