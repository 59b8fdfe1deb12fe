"""The sparse matrix that RoI align is: one row per bin, one column per pixel; its weights are the taps.

The output is linear in the features, out = A(boxes) f. A is never stored as a general sparse matrix: the
rows of a bin's taps lie together, which is what ``embedding_bag`` multiplies fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from archlab.roi.axis_intervals import Interval, Table, box_intervals
from archlab.roi.axis_taps import AxisTaps, TapGroup, axis_taps
from archlab.roi.geometry import Geometry

# Taps held at once: 8 bytes each in float32, up to 16 while they are built.
MAX_TAPS = 1 << 24


@dataclass(frozen=True)
class TapMatrix:
    """Taps of some RoIs on one level: row-compressed, the bins of RoI k at rows k·P·Q onwards.

    Attributes:
        index: (M,) pixel of each tap, over the rows of (N·H·W, C).
        weight: (M,).
        length: (rois,) int64 taps of each bin of an RoI: all its bins have as many.
        bins: bins of an RoI.
        dead: (rois·bins,) bool, rows without any weight; None where there are none.
    """

    index: Tensor
    weight: Tensor
    length: Tensor
    bins: int
    dead: Tensor | None

    @property
    def offsets(self) -> Tensor:
        """Return (rois·bins,), where each row's taps begin."""
        lengths = self.length.repeat_interleave(self.bins)
        return (lengths.cumsum(0) - lengths).to(self.index.dtype)

    @property
    def rows(self) -> Tensor:
        """Return (M,), the row of each tap."""
        n = len(self.length) * self.bins
        lengths = self.length.repeat_interleave(self.bins)
        each = torch.arange(n, device=self.index.device, dtype=self.index.dtype)
        return each.repeat_interleave(lengths, output_size=len(self.index))

    def pieces(self, rois: int) -> Iterator[tuple[slice, TapMatrix]]:
        """Cut the matrix after every ``rois`` RoIs."""
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


def tap_matrices(
    rois: Tensor,
    tangents: Tensor,
    geometry: Geometry,
    level: int,
    size: tuple[int, int, int],
    dtype: torch.dtype,
) -> Iterator[tuple[slice, TapMatrix]]:
    """Yield the taps of usable RoIs on one level, in slices of RoIs that bound the memory.

    Args:
        rois: (K, 5), all usable and on this level.
        tangents: (n, K, 4) directions along which A is differentiated; n = 0 for A itself.
        size: (N, H, W) of the level's map.
        dtype: of the weights.
    """
    if not len(rois):
        return
    images, height, width = size
    index_dtype = torch.int32 if images * height * width < 2**31 else torch.int64
    base = (rois[:, 0].to(torch.int64) * (height * width)).to(index_dtype)
    intervals = box_intervals(rois, tangents, geometry, level)
    k, (p, q) = len(rois), geometry.bins
    lengths = [torch.full((k,), n, dtype=torch.int32, device=rois.device) for n in (height, width)]
    if p == q:
        # Both axes at once: half as many calls.
        both = Interval(*(torch.cat(pair, -1) for pair in zip(*map(_fields, intervals), strict=True)))
        sides = axis_taps(both, p, torch.cat(lengths), max(height, width), geometry, dtype)
        y, x = sides.rows(slice(0, k)), sides.rows(slice(k, 2 * k))
    else:
        y = axis_taps(intervals[0], p, lengths[0], height, geometry, dtype)
        x = axis_taps(intervals[1], q, lengths[1], width, geometry, dtype)
    count = y.taps * x.taps
    for part in _slices(count * (p * q)):
        yield part, _join(y.rows(part), x.rows(part), width, base[part], count[part], p * q)


def _fields(where: Interval) -> tuple[Tensor, ...]:
    return where.start, where.size, where.d_start, where.d_size


def _join(y: AxisTaps, x: AxisTaps, width: int, base: Tensor, count: Tensor, bag: int) -> TapMatrix:
    """Multiply the taps of both axes, in the order of the RoIs; pixel (r, c) is number base + r * width + c."""
    kinds, kind = torch.unique(y.group * len(x.groups) + x.group, return_inverse=True)
    order = torch.argsort(kind, stable=True)
    stops = torch.bincount(kind).cumsum(0).tolist()
    indices, weights, deads = [], [], []
    for code, begin, stop in zip(kinds.tolist(), [0, *stops], stops, strict=False):
        some = order[begin:stop]
        row, column = _pick(y, code // len(x.groups), some), _pick(x, code % len(x.groups), some)
        indices.append(_outer_sum(row.index * width + base[some, None, None], column.index))
        weights.append(_outer_product(row.table, column.table))
        deads.append((row.dead[:, :, None] | column.dead[:, None, :]).flatten(1))
    back = torch.argsort(order)
    dead = torch.cat(deads)
    dead_rows = dead[back].flatten() if bool(dead.any()) else None
    place = back.tolist() if len(kinds) > 1 else None
    return TapMatrix(_assemble(indices, place), _assemble(weights, place), count, bag, dead_rows)


def _pick(side: AxisTaps, number: int, some: Tensor) -> TapGroup:
    layout, rows = side.groups[number], side.row[some]
    table = [None if w is None else w[rows] for w in layout.table]
    return TapGroup(layout.index[rows], table, layout.dead[rows])


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
    """Repeat (K, P, T_y) and (K, Q, T_x) so that a bin's taps lie together.

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
    """Return the highest derivative of the outer product, by Leibniz' rule over subsets of the directions."""
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
    """Flatten (K_g, taps) tables, one per layout, into the order of the RoIs."""
    if place is None:
        return parts[0].flatten()
    if parts[0].device.type == "cpu":
        # NumPy cuts and joins hundreds of short rows ten times faster than unbind and cat.
        out = torch.empty(sum(part.numel() for part in parts), dtype=parts[0].dtype)
        cut = [row for part in parts for row in part.numpy()]
        np.concatenate([cut[i] for i in place], out=out.numpy())
        parts.clear()
        return out
    rows = [row for part in parts for row in part.unbind()]
    parts.clear()
    return torch.cat([rows[i] for i in place])
