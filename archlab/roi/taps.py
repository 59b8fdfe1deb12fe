"""The sparse matrix that RoI align is: one row a bin, one column a pixel, its weights the taps.

The output is linear in the features, out = A(boxes) f. A is never stored as a general sparse matrix: the
rows of a bin's taps lie together, which is what ``embedding_bag`` multiplies fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi import axis, precise
from archlab.roi.axis import Table
from archlab.roi.geometry import MAX_COORDINATE, Geometry

# Taps held at once: 8 bytes each in float32, up to 16 while they are built.
MAX_TAPS = 1 << 24


@dataclass(frozen=True)
class TapMatrix:
    """Taps of some RoIs on one level: row-compressed, the bins of RoI k at rows k·P·Q onwards.

    Attributes:
        index: (M,) pixel of each tap, over the rows of (N·H·W, C).
        weight: (M,).
        length: (rois,) int64 taps of each bin of a RoI: all its bins have as many.
        bins: bins of a RoI.
        dead: (rois·bins,) bool, rows without any weight; None where there are none.
    """

    index: Tensor
    weight: Tensor
    length: Tensor
    bins: int
    dead: Tensor | None

    @property
    def offsets(self) -> Tensor:
        """(rois·bins,) where each row's taps begin."""
        lengths = self.length.repeat_interleave(self.bins)
        return (lengths.cumsum(0) - lengths).to(self.index.dtype)

    @property
    def rows(self) -> Tensor:
        """(M,) the row of each tap."""
        n = len(self.length) * self.bins
        lengths = self.length.repeat_interleave(self.bins)
        each = torch.arange(n, device=self.index.device, dtype=self.index.dtype)
        return each.repeat_interleave(lengths, output_size=len(self.index))

    def pieces(self, rois: int) -> Iterator[tuple[slice, TapMatrix]]:
        """The matrix cut after every ``rois`` RoIs."""
        if rois >= len(self.length):
            yield slice(0, len(self.length)), self
            return
        ends = (self.length.cumsum(0) * self.bins).tolist()
        for begin in range(0, len(ends), rois):
            stop = min(begin + rois, len(ends))
            taps = slice(ends[begin - 1] if begin else 0, ends[stop - 1])
            dead = None if self.dead is None else self.dead[begin * self.bins : stop * self.bins]
            some = slice(begin, stop)
            yield some, TapMatrix(self.index[taps], self.weight[taps], self.length[some], self.bins, dead)


def usable(rois: Tensor, levels: Tensor | None, images: int, geometry: Geometry) -> Tensor:
    """(K,) bool: boxes that have an answer. Every other box's output is zero.

    Not usable: a coordinate that is NaN, infinite, or beyond 2^24 pixels of any level; an image outside
    [0, N); a level outside those given.
    """
    largest = max(max(pair) for pair in geometry.scales)
    good = (rois[:, 1:].abs() * largest <= MAX_COORDINATE).all(1)
    # NaN compares false. Fractions truncate towards zero, as torchvision's do.
    good &= (rois[:, 0] > -1) & (rois[:, 0] < images)
    if levels is not None:
        good &= (levels >= 0) & (levels < len(geometry.scales))
    return good


def tap_matrices(
    rois: Tensor,
    tangents: Tensor,
    geometry: Geometry,
    level: int,
    size: tuple[int, int, int],
    dtype: torch.dtype,
) -> Iterator[tuple[slice, TapMatrix]]:
    """The taps of usable RoIs on one level, in slices of RoIs that bound the memory.

    Args:
        rois: (K, 5), all usable and on this level.
        tangents: (n, K, 4) directions along which A is differentiated; n = 0 for A itself.
        size: (N, H, W) of the level's map.
        dtype: of the weights.
    """
    if not len(rois):
        return
    _, height, width = size
    scale_y, scale_x = geometry.scales[level]
    images = rois[:, 0].to(torch.int32 if size[0] * height * width < 2**31 else torch.int64)
    sides = []
    for lo, hi, scale, bins, length in (
        (2, 4, scale_y, geometry.bins[0], height),
        (1, 3, scale_x, geometry.bins[1], width),
    ):
        where = axis.interval(
            rois[:, lo], rois[:, hi], tangents[..., lo - 1], tangents[..., hi - 1], scale, geometry
        )
        sides.append(_Side.of(where, bins, length, geometry))
    y, x = sides
    bag = geometry.bins[0] * geometry.bins[1]
    per_roi = y.taps * x.taps * bag
    for part in _slices(per_roi):
        count = y.taps[part] * x.taps[part]
        codes = torch.stack([y.layout[part], x.layout[part]], 1)
        kinds, kind = torch.unique(codes, dim=0, return_inverse=True)
        whole = len(kinds) == 1 and part == slice(0, len(rois))
        indices, weights, deads, order = [], [], [], []
        for number, (code_y, code_x) in enumerate(kinds.tolist()):
            chosen = None if whole else torch.nonzero(kind == number)[:, 0] + part.start
            row, wy, dead_y = y.of_kind(chosen, code_y)
            column, wx, dead_x = x.of_kind(chosen, code_x)
            image = images if chosen is None else images[chosen]
            row = row * width + image[:, None, None] * (height * width)
            indices.append(_outer_sum(row, column))
            weights.append(_outer_product(wy, wx, dtype))
            deads.append((dead_y[:, :, None] | dead_x[:, None, :]).flatten(1))
            if chosen is not None:
                order.append(chosen - part.start)
        place = torch.cat(order).argsort() if order else None
        dead = torch.cat(deads) if place is None else torch.cat(deads)[place]
        listed = None if place is None else place.tolist()
        yield (
            part,
            TapMatrix(
                _assemble(indices, listed),
                _assemble(weights, listed),
                count,
                bag,
                dead.flatten() if bool(dead.any()) else None,
            ),
        )


@dataclass(frozen=True)
class _Side:
    """One axis of the tap matrix: each RoI's layout, coded as taps * 2 + merged."""

    source: axis.Samples | precise.Edges
    length: int
    taps: Tensor
    layout: Tensor

    @staticmethod
    def of(where: axis.Interval, bins: int, length: int, geometry: Geometry) -> _Side:
        if geometry.mode == "prroi":
            at = precise.edges(where, bins, length)
            return _Side(at, length, at.taps, at.taps * 2 + 1)
        sampled = axis.samples(where, bins, geometry.sampling_ratio, length)
        return _Side(sampled, length, sampled.taps, sampled.taps * 2 + sampled.merged)

    def of_kind(self, rois: Tensor | None, layout: int) -> tuple[Tensor, Table, Tensor]:
        """Pixels (K, P, T), their weights, and which bins have none (K, P), for RoIs of one layout."""
        taps, merged = layout // 2, bool(layout % 2)
        if isinstance(self.source, precise.Edges):
            pixel, table = precise.edge_taps(self.source, rois, taps, self.length)
        else:
            pixel, table = axis.sample_taps(self.source, rois, taps, merged, self.length)
        live = torch.stack([w != 0 for w in table if w is not None]).any(0)
        if len(table) == 1 and not bool(live.all()):
            # A pixel of weight 0 must not be read: 0 times infinity is not 0. Point it at one that counts.
            pixel = torch.where(live, pixel, pixel.gather(-1, live.to(torch.int8).argmax(-1, keepdim=True)))
        return pixel, table, ~live.any(-1)


def _slices(taps: Tensor) -> Iterator[slice]:
    total = int(taps.sum())
    if total <= MAX_TAPS:
        yield slice(0, len(taps))
        return
    begin, held = 0, 0
    for k, n in enumerate(taps.tolist()):
        if held and held + n > MAX_TAPS:
            yield slice(begin, k)
            begin, held = k, 0
        held += n
    yield slice(begin, len(taps))


def _spread(row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    """(K, P, T_y) and (K, Q, T_x), repeated so that a bin's taps lie together.

    An elementwise operation over (P, Q, T_y·T_x) runs eight times faster than one over (P, Q, T_y, T_x),
    whose innermost loop would be three or four long.
    """
    rois, p, ty = row.shape
    q, tx = column.shape[1:]
    taps_y = row[..., None].expand(rois, p, ty, tx).reshape(rois, p, 1, ty * tx)
    return taps_y, column[:, :, None].expand(rois, q, ty, tx).reshape(rois, 1, q, ty * tx)


def _outer_sum(row: Tensor, column: Tensor) -> Tensor:
    y, x = _spread(row, column)
    return (y + x).flatten(1)


def _outer_product(rows: Table, columns: Table, dtype: torch.dtype) -> Tensor:
    """The highest derivative of the outer product, by Leibniz' rule over subsets of the directions."""
    every = len(rows) - 1
    total: Tensor | None = None
    for mask, row in enumerate(rows):
        column = columns[every ^ mask]
        if row is None or column is None:
            continue
        y, x = _spread(row.to(dtype), column.to(dtype))
        total = y * x if total is None else total.addcmul_(y, x)
    if total is None:
        first, other = rows[0], columns[0]
        assert first is not None
        assert other is not None
        y, x = _spread(first, other)
        total = torch.zeros_like(y * x, dtype=dtype)
    return total.flatten(1)


def _assemble(parts: list[Tensor], place: list[int] | None) -> Tensor:
    """Flatten (K_g, taps) tables, one a layout, into the order of the RoIs."""
    if place is None:
        return parts[0].flatten()
    rows = [row for part in parts for row in part.unbind()]
    parts.clear()
    return torch.cat([rows[i] for i in place])
