"""The taps of bins along one axis: the pixels that a bin reads and their weights, grouped by how many they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.axis_integral import BinEdges, cut_bins, integral_taps
from archlab.roi.axis_intervals import Interval, Table
from archlab.roi.axis_samples import Samples, place_samples, sample_taps
from archlab.roi.geometry import Geometry


@dataclass(frozen=True)
class TapGroup:
    """The taps of the intervals that share a layout: pixels, tables of weights, and bins without a weight."""

    index: Tensor  # (k, P, T)
    table: Table
    dead: Tensor  # (k, P) bool


@dataclass(frozen=True)
class AxisTaps:
    """The taps of K intervals: the group of each, its row there, and its number of taps."""

    groups: list[TapGroup]
    group: Tensor  # (K,)
    row: Tensor  # (K,)
    taps: Tensor  # (K,) int64

    def rows(self, some: slice) -> AxisTaps:
        """Return the taps of some of the intervals."""
        return AxisTaps(self.groups, self.group[some], self.row[some], self.taps[some])


def axis_taps(
    where: Interval, bins: int, length: Tensor, longest: int, geometry: Geometry, dtype: torch.dtype
) -> AxisTaps:
    """Return the taps of every bin of K intervals, those of one layout together.

    Args:
        length: (K,) pixels of each interval's axis, at most ``longest``.
        dtype: of the weights.
    """
    source: Samples | BinEdges
    if geometry.mode == "prroi":
        source = cut_bins(where, bins, length)
        code = source.taps * 2 + 1
    else:
        source = place_samples(where, bins, geometry.sampling_ratio, length, longest)
        code = source.taps * 2 + source.merged
    codes, which = torch.unique(code, return_inverse=True)
    row = torch.empty_like(which)
    groups = []
    for number, kind in enumerate(codes.tolist()):
        chosen = None if len(codes) == 1 else torch.nonzero(which == number)[:, 0]
        row[slice(None) if chosen is None else chosen] = torch.arange(
            len(row) if chosen is None else len(chosen), device=row.device
        )
        if isinstance(source, BinEdges):
            pixel, table = integral_taps(source, chosen, kind // 2)
        else:
            pixel, table = sample_taps(source, chosen, kind // 2, bool(kind % 2))
        known = [w for w in table if w is not None]
        live = known[0] != 0
        for w in known[1:]:
            live |= w != 0
        if len(table) == 1 and not bool(live.all()):
            # A pixel of weight 0 must not be read, as 0 times infinity is not 0: point it at one that counts.
            counts = live.to(torch.int8).argmax(-1, keepdim=True)
            pixel = torch.where(live, pixel, pixel.gather(-1, counts))
        table = [None if w is None else w.to(dtype) for w in table]
        groups.append(TapGroup(pixel, table, ~live.any(-1)))
    return AxisTaps(groups, which, row, source.taps)
