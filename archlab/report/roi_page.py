"""One RoI over an 8x8 map, as the literature draws it, read by the RoI operators: ``archlab report roi``."""

from __future__ import annotations

from pathlib import Path

from archlab.files import write_atomic
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.roi_drawing import bin_colour, figures_of
from archlab.report.roi_readings import RoIReadings, roi_readings

STYLES = ("page.css", "tables.css", "roi.css", "print.css")
SCRIPTS = ("report.js", "formats.js", "roi.js")


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
        figures=figures_of(info),
        colour=bin_colour,
        csp=policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        first_script=static(FIRST_SCRIPT),
        styles=[static(name) for name in STYLES],
        scripts=[static(name) for name in SCRIPTS],
        data=json_block({"roi": info.as_dict()}),
    )  # fmt: skip
