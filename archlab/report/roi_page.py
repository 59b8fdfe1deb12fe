"""One RoI over an 8x8 map, as the literature draws it, read by the RoI operators: ``archlab report roi``."""

from __future__ import annotations

from html import escape
from pathlib import Path

from markupsafe import Markup

from archlab.files import write_atomic
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.roi_readings import Reading, RoIReadings, roi_readings

STYLES = ("page.css", "tables.css", "roi.css", "print.css")
SCRIPTS = ("report.js",)
CELL, MARGIN, INSET = 46, 16, 2.5
"""Lengths of the drawing: a pixel of the map, what is around the map, and a bin's edge from that of its pixels."""
COLOURS = 4


def write_roi_page(path: Path) -> None:
    """Write the page of the textbook's map and box to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_roi_page(roi_readings()))


def render_roi_page(info: RoIReadings, title: str = "One RoI, four ways to read it") -> str:
    """Return the page as HTML, the same for the same readings."""
    return environment().get_template("roi.html").render(
        title=title,
        info=info,
        figures=[(reading, Markup(draw_reading(info, reading))) for reading in info.readings],
        colour=bin_colour,
        csp=policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        first_script=static(FIRST_SCRIPT),
        styles=[static(name) for name in STYLES],
        scripts=[static(name) for name in SCRIPTS],
        data=json_block({}),
    )  # fmt: skip


def draw_reading(info: RoIReadings, reading: Reading) -> str:
    """Return the map, the bins, the samples and the true box as SVG."""
    rows, columns = len(info.pixels), len(info.pixels[0])
    height, width = rows * CELL + 2 * MARGIN, columns * CELL + 2 * MARGIN
    parts = [f'<svg class="roi" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(reading.name)}">']
    labels = []
    for y, line in enumerate(info.pixels):
        for x, value in enumerate(line):
            left, top, shade = MARGIN + x * CELL, MARGIN + y * CELL, 0.45 * min(max(value, 0.0), 1.0)
            parts.append(
                f'<rect class="pixel" x="{left}" y="{top}" width="{CELL}" height="{CELL}" fill-opacity="{shade:.3f}"/>'
            )
            labels.append(f'<text class="value" x="{left + 5}" y="{top + 11}">{value:.2f}</text>')
    for p, row in enumerate(reading.rows):
        for q, column in enumerate(reading.columns):
            parts.append(_bin(row, column, bin_colour(p, q)))
    x1, y1, x2, y2 = info.box
    parts.append(
        f'<rect class="box" x="{_at(x1):.2f}" y="{_at(y1):.2f}" width="{(x2 - x1) * CELL:.2f}" '
        f'height="{(y2 - y1) * CELL:.2f}"/>'
    )
    parts += labels
    parts += [f'<circle class="sample" cx="{_at(x):.2f}" cy="{_at(y):.2f}" r="4"/>' for y, x in reading.samples]
    return "".join([*parts, "</svg>"])


def bin_colour(row: int, column: int) -> str:
    """Return the class of a bin's colour: neighbours differ."""
    return f"b{(2 * row + column) % COLOURS}"


def _bin(row: tuple[float, float], column: tuple[float, float], colour: str) -> str:
    width = max((column[1] - column[0]) * CELL - 2 * INSET, 0)
    height = max((row[1] - row[0]) * CELL - 2 * INSET, 0)
    return (
        f'<rect class="bin {colour}" x="{_at(column[0]) + INSET:.2f}" y="{_at(row[0]) + INSET:.2f}" '
        f'width="{width:.2f}" height="{height:.2f}" rx="5"/>'
    )


def _at(position: float) -> float:
    return MARGIN + position * CELL
