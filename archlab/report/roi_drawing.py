"""What an RoI operator reads of a box, drawn on the map: pixels, bins, samples and the true box.

Bins and samples are in groups of their own, which the page's script draws again when the box is moved.
"""

from __future__ import annotations

from markupsafe import Markup

from archlab.report.roi_readings import Reading, RoIReadings
from archlab.report.svg import drawing, element

CELL, MARGIN, INSET = 46, 16, 2.5
"""Lengths of the drawing: a pixel of the map, what is around the map, and a bin's edge from that of its pixels."""
OVER = CELL + 4
"""Room to the right and below, where Caffe's last pixel may lie beyond the map."""
COLOURS = 4


def figures_of(info: RoIReadings) -> list[tuple[Reading, Markup]]:
    """Return each reading with its drawing."""
    return [(reading, draw_reading(info, reading)) for reading in info.readings]


def draw_reading(info: RoIReadings, reading: Reading) -> Markup:
    """Return the map, the bins, the samples and the true box as SVG."""
    rows, columns = len(info.pixels), len(info.pixels[0])
    places = [(x, y, value) for y, line in enumerate(info.pixels) for x, value in enumerate(line)]
    pixels = [
        element("rect", class_="pixel", x=MARGIN + x * CELL, y=MARGIN + y * CELL, width=CELL, height=CELL,
                fill_opacity=f"{0.45 * min(max(value, 0.0), 1.0):.3f}")
        for x, y, value in places
    ]  # fmt: skip
    labels = [
        element("text", f"{value:.2f}", class_="value", x=MARGIN + x * CELL + 5, y=MARGIN + y * CELL + 11)
        for x, y, value in places
    ]
    bins = [_bin(row, column, bin_colour(p, q)) for p, row in enumerate(reading.rows)
            for q, column in enumerate(reading.columns)]  # fmt: skip
    x1, y1, x2, y2 = info.box
    size = (columns * CELL + MARGIN + OVER, rows * CELL + MARGIN + OVER)
    return drawing(
        size,
        reading.name,
        *pixels,
        element("g", *bins, class_="bins"),
        element("rect", class_="box", x=_at(x1), y=_at(y1), width=(x2 - x1) * CELL, height=(y2 - y1) * CELL),
        *labels,
        element("g", *(element("circle", class_="sample", cx=_at(x), cy=_at(y), r=4) for y, x in reading.samples),
                class_="samples"),
        class_="roi",
    )  # fmt: skip


def bin_colour(row: int, column: int) -> str:
    """Return the class of a bin's colour: neighbours differ."""
    return f"b{(2 * row + column) % COLOURS}"


def _bin(row: tuple[float, float], column: tuple[float, float], colour: str) -> Markup:
    width = max((column[1] - column[0]) * CELL - 2 * INSET, 0)
    height = max((row[1] - row[0]) * CELL - 2 * INSET, 0)
    place = {"x": _at(column[0]) + INSET, "y": _at(row[0]) + INSET}
    return element("rect", class_=f"bin {colour}", **place, width=width, height=height, rx=5)


def _at(position: float) -> float:
    return MARGIN + position * CELL
