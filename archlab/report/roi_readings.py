"""What each RoI operator reads of one box on one map, and how far that lies off the box: the numbers of a page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from archlab.roi import roi_align, roi_pool
from archlab.roi.axis_intervals import Interval, box_intervals
from archlab.roi.axis_samples import sample_positions
from archlab.roi.geometry import checked_geometry
from archlab.roi.pool_bins import pool_bins

Box = tuple[float, float, float, float]
Spans = tuple[tuple[float, float], ...]
Values = tuple[tuple[float, ...], ...]

TEXTBOOK_MAP: Values = (
    (0.88, 0.44, 0.14, 0.16, 0.37, 0.77, 0.96, 0.27),
    (0.19, 0.45, 0.57, 0.16, 0.63, 0.29, 0.71, 0.70),
    (0.66, 0.26, 0.82, 0.64, 0.54, 0.73, 0.59, 0.26),
    (0.85, 0.34, 0.76, 0.84, 0.29, 0.75, 0.62, 0.25),
    (0.32, 0.74, 0.21, 0.39, 0.34, 0.03, 0.33, 0.48),
    (0.20, 0.14, 0.16, 0.13, 0.73, 0.65, 0.96, 0.32),
    (0.19, 0.69, 0.09, 0.86, 0.88, 0.07, 0.01, 0.48),
    (0.83, 0.24, 0.97, 0.04, 0.24, 0.35, 0.50, 0.91),
)
"""The activations by which the textbooks explain RoI pooling."""
EXAMPLE_BOX: Box = (0.4, 2.7, 6.6, 7.4)
"""A box that each rounding moves."""
SAMPLES = 2
"""Samples of a bin along each axis."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one operator reads of the box.

    Attributes:
        name, note: for the reader.
        key: for the page's script.
        rounded: the box that whole pixels are taken of; empty where nothing is rounded.
        rows, columns: the bins' edges in pixels of the map, (start, end).
        samples: (y, x) of the points read; empty where whole pixels are read.
        values: (P, Q) of the output.
        shifts: pixels by which the left, top, right and bottom edges of all bins lie off the true box.
    """

    name: str
    key: str
    rounded: str
    note: str
    rows: Spans
    columns: Spans
    samples: tuple[tuple[float, float], ...]
    values: Values
    shifts: Box

    @property
    def largest_shift(self) -> float:
        """The largest shift of an edge, in pixels."""
        return max(abs(shift) for shift in self.shifts)


@dataclass(frozen=True, slots=True)
class RoIReadings:
    """A map, a box (x1, y1, x2, y2) in its pixels, and what each operator reads."""

    pixels: Values
    box: Box
    readings: tuple[Reading, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what a page's script needs to read another box of the same map."""
        bins = len(self.readings[0].rows)
        return {"pixels": [list(row) for row in self.pixels], "box": list(self.box), "bins": bins, "samples": SAMPLES}


def roi_readings(pixels: Values = TEXTBOOK_MAP, box: Box = EXAMPLE_BOX, bins: int = 2) -> RoIReadings:
    """Pool and align one box on one map with ``bins`` x ``bins`` bins, two samples of a bin along each axis.

    Pixel i covers [i, i + 1), which is what a pooled box means; an ``aligned`` align finds the value of pixel i
    at i + 0.5.
    """
    x = torch.tensor(pixels, dtype=torch.float64)[None, None]
    return RoIReadings(
        pixels,
        box,
        (
            _pooled("RoI pooling, partition", "partition", x, box, bins),
            _pooled("RoI pooling, Caffe", "caffe", x, box, bins),
            _aligned("RoI align, average", "avg", x, box, bins),
            _aligned("RoI align, maximum", "max", x, box, bins),
        ),
    )


def _pooled(name: str, mode: str, x: Tensor, box: Box, bins: int) -> Reading:
    # Both axes at once: row 0 is x, row 1 is y.
    begin, end = pool_bins(x.new_tensor(box[:2]), x.new_tensor(box[2:]), bins, mode)
    columns, rows = (tuple(zip(*each, strict=True)) for each in zip(begin.tolist(), end.tolist(), strict=True))
    (x1, y1), (x2, y2) = begin[:, 0].tolist(), end[:, -1].tolist()
    # The last pixel that Caffe includes is where the rounded box ends.
    last = 1 if mode == "caffe" else 0
    rounded = f"x {x1:g}–{x2 - last:g} and y {y1:g}–{y2 - last:g}"
    note = {
        "partition": "Each bin takes the whole pixels of its share, and the last one the rest.",
        "caffe": "Its last pixel is included, and bins reach from floor to ceil, so that they may overlap.",
    }[mode]
    values = _values(roi_pool(x, _rois(x, box), bins, mode=mode))
    return Reading(
        name, mode, rounded, note, rows, columns, (), values, (x1 - box[0], y1 - box[1], x2 - box[2], y2 - box[3])
    )


def _aligned(name: str, mode: str, x: Tensor, box: Box, bins: int) -> Reading:
    rois = _rois(x, box)
    geometry = checked_geometry([1.0], bins, SAMPLES, True, mode)
    y_at, x_at = box_intervals(rois, rois.new_zeros(0, 1, 4), geometry, 0)
    rows, columns = _spans(y_at, bins), _spans(x_at, bins)
    result = "their mean" if mode == "avg" else "the largest of them"
    return Reading(
        name,
        mode,
        "",
        f"Nothing is rounded: each bin reads {SAMPLES**2} bilinear samples and gives {result}.",
        rows,
        columns,
        tuple((y, x_) for y in _positions(y_at, bins) for x_ in _positions(x_at, bins)),
        _values(roi_align(x, rois, bins, 1.0, SAMPLES, True, mode)),
        (columns[0][0] - box[0], rows[0][0] - box[1], columns[-1][1] - box[2], rows[-1][1] - box[3]),
    )


def _rois(x: Tensor, box: Box) -> Tensor:
    return x.new_tensor([[0.0, *box]])


def _spans(where: Interval, bins: int) -> Spans:
    """Return the bins' edges as drawn, where the centre of pixel i is i + 0.5."""
    start, size = float(where.start) + 0.5, float(where.size)
    edges = [start + size * b / bins for b in range(bins + 1)]
    return tuple(pairwise(edges))


def _positions(where: Interval, bins: int) -> list[float]:
    """Return where the samples of all bins lie as drawn."""
    line = Interval(*(f[..., None, None] for f in (where.start, where.size, where.d_start, where.d_size)))
    bin_, sample = torch.arange(bins)[:, None], torch.arange(SAMPLES)
    position, _ = sample_positions(line, bins, bin_, sample, where.size.new_tensor(SAMPLES))
    return [float(at) + 0.5 for at in position.flatten()]


def _values(out: Tensor) -> Values:
    return tuple(tuple(row) for row in out[0, 0].tolist())
