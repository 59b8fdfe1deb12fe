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
    image = rois[:, 0].trunc()
    good &= (image >= 0) & (image < images)
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
    images, height, width = size
    wide = torch.int32 if images * height * width < 2**31 else torch.int64
    first_pixel = (rois[:, 0].to(torch.int64) * (height * width)).to(wide)
    sides = []
    for side, lo, length in ((0, 2, height), (1, 1, width)):
        where = axis.interval(
            rois[:, lo],
            rois[:, lo + 2],
            tangents[..., lo - 1],
            tangents[..., lo + 1],
            geometry.scales[level][side],
            geometry,
        )
        sides.append(_side(where, geometry.bins[side], length, geometry))
    y, x = sides
    bag = geometry.bins[0] * geometry.bins[1]
    for part in _slices(y.taps * x.taps * bag):
        rows = y.layouts(part, dtype, width, first_pixel[part])
        columns = x.layouts(part, dtype, 1, None)
        yield part, _join(rows, columns, y.taps[part] * x.taps[part], bag)


@dataclass(frozen=True)
class _Layout:
    """One axis of the RoIs that share a number of taps there, and the row in which each RoI stands."""

    index: Tensor  # (k, P, T)
    table: Table
    dead: Tensor  # (k, P) bool


@dataclass(frozen=True)
class _Layouts:
    """The layouts of one axis, which of them each RoI has, and its row there."""

    each: list[_Layout]
    which: Tensor  # (K,)
    row: Tensor  # (K,)


@dataclass(frozen=True)
class _Side:
    """One axis of the tap matrix: each RoI's layout, coded as taps * 2 + merged."""

    source: axis.Samples | precise.Edges
    length: int
    taps: Tensor
    code: Tensor

    def layouts(self, part: slice, dtype: torch.dtype, stride: int, base: Tensor | None) -> _Layouts:
        """The taps of some RoIs; pixels as ``index * stride + base``."""
        codes, which = torch.unique(self.code[part], return_inverse=True)
        row = torch.empty_like(which)
        each = []
        for number, code in enumerate(codes.tolist()):
            chosen = None if len(codes) == 1 else torch.nonzero(which == number)[:, 0]
            rois = slice(None) if chosen is None else chosen
            row[rois] = torch.arange(len(row) if chosen is None else len(chosen), device=row.device)
            everyone = chosen is None and part == slice(0, len(self.code))
            absolute = torch.arange(part.start, part.stop, device=row.device)[rois]
            pixel, table = self._taps(None if everyone else absolute, code)
            live = torch.stack([w != 0 for w in table if w is not None]).any(0)
            if len(table) == 1 and not bool(live.all()):
                # A pixel of weight 0 must not be read, as 0 times infinity is not 0: point it at one that
                # counts.
                counts = live.to(torch.int8).argmax(-1, keepdim=True)
                pixel = torch.where(live, pixel, pixel.gather(-1, counts))
            if base is not None:
                pixel = pixel * stride + base[rois, None, None]
            table = [None if w is None else w.to(dtype) for w in table]
            each.append(_Layout(pixel, table, ~live.any(-1)))
        return _Layouts(each, which, row)

    def _taps(self, rois: Tensor | None, code: int) -> tuple[Tensor, Table]:
        if isinstance(self.source, precise.Edges):
            return precise.edge_taps(self.source, rois, code // 2, self.length)
        return axis.sample_taps(self.source, rois, code // 2, bool(code % 2), self.length)


def _side(where: axis.Interval, bins: int, length: int, geometry: Geometry) -> _Side:
    if geometry.mode == "prroi":
        at = precise.edges(where, bins, length)
        return _Side(at, length, at.taps, at.taps * 2 + 1)
    sampled = axis.samples(where, bins, geometry.sampling_ratio, length)
    return _Side(sampled, length, sampled.taps, sampled.taps * 2 + sampled.merged)


def _join(y: _Layouts, x: _Layouts, count: Tensor, bag: int) -> TapMatrix:
    """The outer products of both axes, in the order of the RoIs."""
    kinds, kind = torch.unique(y.which * len(x.each) + x.which, return_inverse=True)
    order = torch.argsort(kind, stable=True)
    stops = torch.bincount(kind).cumsum(0).tolist()
    indices, weights, deads = [], [], []
    for code, begin, stop in zip(kinds.tolist(), [0, *stops], stops, strict=False):
        chosen = None if len(kinds) == 1 else order[begin:stop]
        row, column = (
            _pick(side, number, chosen)
            for side, number in ((y, code // len(x.each)), (x, code % len(x.each)))
        )
        indices.append(_outer_sum(row.index, column.index))
        weights.append(_outer_product(row.table, column.table))
        deads.append((row.dead[:, :, None] | column.dead[:, None, :]).flatten(1))
    dead = torch.cat(deads)
    place = None
    if len(kinds) > 1:
        back = torch.argsort(order)
        dead, place = dead[back], back.tolist()
    dead_rows = dead.flatten() if bool(dead.any()) else None
    return TapMatrix(_assemble(indices, place), _assemble(weights, place), count, bag, dead_rows)


def _pick(side: _Layouts, number: int, chosen: Tensor | None) -> _Layout:
    layout = side.each[number]
    if chosen is None:
        return layout
    rows = side.row[chosen]
    table = [None if w is None else w[rows] for w in layout.table]
    return _Layout(layout.index[rows], table, layout.dead[rows])


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


def _outer_product(rows: Table, columns: Table) -> Tensor:
    """The highest derivative of the outer product, by Leibniz' rule over subsets of the directions."""
    every = len(rows) - 1
    total: Tensor | None = None
    for mask, row in enumerate(rows):
        column = columns[every ^ mask]
        if row is None or column is None:
            continue
        y, x = _spread(row, column)
        total = y * x if total is None else total.addcmul_(y, x)
    if total is None:
        first, other = rows[0], columns[0]
        assert first is not None
        assert other is not None
        y, x = _spread(first, other)
        total = torch.zeros_like(y * x)
    return total.flatten(1)


def _assemble(parts: list[Tensor], place: list[int] | None) -> Tensor:
    """Flatten (K_g, taps) tables, one a layout, into the order of the RoIs."""
    if place is None:
        return parts[0].flatten()
    rows = [row for part in parts for row in part.unbind()]
    parts.clear()
    return torch.cat([rows[i] for i in place])
