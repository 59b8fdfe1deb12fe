"""A check of detection data as tables for the terminal."""

from __future__ import annotations

from rich.console import Console

from archlab.detect.check_data import DataCheck, PartCheck
from archlab.errors import printable
from archlab.report.terminal_tables import WHAT_FITS, Choice, print_fitted, print_lines, safe, share, table_of

HEADINGS = ("class", "boxes", "images", "small", "medium", "large", "side at input", "below 1 px")
SPARE = ("images", "medium")
"""Columns that leave where the table does not fit, the first first."""


def print_check(check: DataCheck, console: Console, choice: Choice = WHAT_FITS) -> None:
    """Print each part of the data with its classes, and everything odd."""
    size = f"{check.size[0]}x{check.size[1]}"
    for part in check.parts:
        _print_part(part, size, console, choice)
    print_lines(
        console,
        [f"small, medium and large: COCO's, below 32², up to 96² and above on disk; side: the median at {size}."],
        "dim",
    )
    print_lines(console, ["", "odd:" if check.odd else "nothing is odd"])
    print_lines(console, [f"- {printable(sentence)}" for sentence in check.odd])


def _print_part(part: PartCheck, size: str, console: Console, choice: Choice) -> None:
    sizes = f"{part.smallest[0]}x{part.smallest[1]} to {part.largest[0]}x{part.largest[1]} pixels"
    if part.different_sizes == 1:
        sizes = f"all of {part.largest[0]}x{part.largest[1]} pixels"
    print_lines(console, [f"{part.name}: {printable(part.source)}, {part.format}"], "bold")
    print_lines(console, [f"{part.images:,} images, {part.without_a_box:,} without a box; {sizes} (width x height)"])
    table = table_of(*HEADINGS)
    for row in part.classes:
        side = "" if row.median_side is None else f"{row.median_side:.1f}"
        counts = (row.boxes, row.images, row.small, row.medium, row.large)
        table.add_row(safe(row.name), *(f"{count:,}" for count in counts), side, f"{row.below_a_pixel:,}")
    print_fitted(console, table, SPARE, choice)
    total = sum(part.levels.values())
    use = ", ".join(f"{name} {count:,} ({share(count, total)})" for name, count in part.levels.items())
    print_lines(console, [f"boxes by level at {size}: {use}", ""])
