"""RoI align and RoI pooling in plain Python, one loop per idea. For reading, and for testing everything else.

Numbers are Python floats, maps are nested lists: no broadcasting, no cleverness, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Map = Sequence[Sequence[float]]
Box = tuple[float, float, float, float]  # x1, y1, x2, y2
Grid = list[list[float]]


def roi_align(
    pixels: Map,
    box: Box,
    bins: tuple[int, int],
    scale: tuple[float, float] = (1.0, 1.0),
    sampling_ratio: int = -1,
    aligned: bool = False,
    mode: str = "avg",
) -> Grid:
    """One channel, one box: (P, Q) values. Arguments as in :func:`archlab.roi.roi_align`, ``scale`` as (y,
    x).
    """
    y1, y2 = _interval(box[1], box[3], scale[0], aligned, mode)
    x1, x2 = _interval(box[0], box[2], scale[1], aligned, mode)
    step_y, step_x = (y2 - y1) / bins[0], (x2 - x1) / bins[1]
    out = []
    for p in range(bins[0]):
        row = []
        for q in range(bins[1]):
            top, left = y1 + p * step_y, x1 + q * step_x
            if mode == "prroi":
                row.append(mean_of_surface(pixels, top, top + step_y, left, left + step_x))
                continue
            ys = sample_positions(top, step_y, sampling_ratio)
            xs = sample_positions(left, step_x, sampling_ratio)
            row.append(_reduce(pixels, [(y, x) for y in ys for x in xs], mode))
        out.append(row)
    return out


def _interval(lo: float, hi: float, scale: float, aligned: bool, mode: str) -> tuple[float, float]:
    """The box's two ends in feature pixels."""
    offset = 0.5 if aligned else 0.0
    start, end = lo * scale - offset, hi * scale - offset
    if mode == "prroi":
        return start, max(end, start)
    return start, end if aligned else max(end, start + 1.0)


def sample_positions(start: float, size: float, sampling_ratio: int) -> list[float]:
    """Where a bin of one axis is sampled: in the middle of each of S equal parts."""
    count = sampling_ratio if sampling_ratio > 0 else max(math.ceil(size), 0)
    return [start + (s + 0.5) * size / count for s in range(count)]


def _reduce(pixels: Map, positions: list[tuple[float, float]], mode: str) -> float:
    if not positions:
        return 0.0
    if mode == "avg":
        return sum(bilinear(pixels, y, x) for y, x in positions) / len(positions)
    if mode == "max":
        return max(bilinear(pixels, y, x) for y, x in positions)
    return max(max(_products(pixels, y, x), default=0.0) for y, x in positions)


def bilinear(pixels: Map, y: float, x: float) -> float:
    """The surface at (y, x): clamped within a pixel of the map, 0 farther out."""
    return sum(_products(pixels, y, x))


def _products(pixels: Map, y: float, x: float) -> list[float]:
    """The four pixels around (y, x), each times its weight; none outside the map."""
    height, width = len(pixels), len(pixels[0])
    if not (-1 <= y <= height and -1 <= x <= width):
        return []
    products = []
    for row, weight_y in _neighbours(y, height):
        for column, weight_x in _neighbours(x, width):
            products.append(weight_y * weight_x * pixels[row][column])
    return products


def _neighbours(position: float, length: int) -> list[tuple[int, float]]:
    position = max(position, 0.0)
    low = math.floor(position)
    if low >= length - 1:
        return [(length - 1, 1.0), (length - 1, 0.0)]
    return [(low, low + 1 - position), (low + 1, position - low)]


def mean_of_surface(pixels: Map, top: float, bottom: float, left: float, right: float) -> float:
    """The mean over a rectangle of the bilinear surface that is 0 outside the map, exactly."""
    if bottom <= top or right <= left:
        return 0.0
    total = 0.0
    for row, line in enumerate(pixels):
        weight_y = _hat_integral(bottom - row) - _hat_integral(top - row)
        for column, value in enumerate(line):
            weight_x = _hat_integral(right - column) - _hat_integral(left - column)
            total += weight_y * weight_x * value
    return total / ((bottom - top) * (right - left))


def _hat_integral(x: float) -> float:
    """The area under max(0, 1 - |t|) for t up to x."""
    if x <= -1:
        return 0.0
    if x >= 1:
        return 1.0
    return (1 + x) ** 2 / 2 if x < 0 else 1 - (1 - x) ** 2 / 2


def roi_pool(
    pixels: Map,
    box: Box,
    bins: tuple[int, int],
    scale: tuple[float, float] = (1.0, 1.0),
    mode: str = "caffe",
) -> Grid:
    """One channel, one box: (P, Q) maxima over pixels. Arguments as in :func:`archlab.roi.roi_pool`."""
    edges = caffe_edges if mode == "caffe" else partition_edges
    rows = clipped(edges(box[1] * scale[0], box[3] * scale[0], bins[0]), len(pixels))
    columns = clipped(edges(box[0] * scale[1], box[2] * scale[1], bins[1]), len(pixels[0]))
    return [
        [max((pixels[y][x] for y in range(*row) for x in range(*column)), default=0.0) for column in columns]
        for row in rows
    ]


def caffe_edges(lo: float, hi: float, bins: int) -> list[tuple[int, int]]:
    """Bins of a rounded box that includes its last pixel; they overlap where the size does not divide."""
    first, last = round_half_away(lo), round_half_away(hi)
    size = max(last - first + 1, 1)
    return [(first + p * size // bins, first - (-(p + 1) * size // bins)) for p in range(bins)]


def partition_edges(lo: float, hi: float, bins: int) -> list[tuple[int, int]]:
    """Bins of a rounded box that ends before its last coordinate: equal ones, and the last takes the rest."""
    first, last = round_half_away(lo), round_half_away(hi)
    size = max(last - first, 0)
    step = size // bins
    return [(first + p * step, first + ((p + 1) * step if p < bins - 1 else size)) for p in range(bins)]


def clipped(edges: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """The part of each bin inside the map."""
    clip: Callable[[int], int] = lambda edge: min(max(edge, 0), length)  # noqa: E731
    return [(clip(begin), clip(end)) for begin, end in edges]


def round_half_away(x: float) -> int:
    """C's ``round``: halves away from zero, where Python's goes to the even neighbour."""
    return int(math.copysign(math.floor(abs(x) + 0.5), x))
