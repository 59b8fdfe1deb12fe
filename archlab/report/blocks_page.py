"""The page for who reads about these convolutions for the first time: ``archlab report blocks``.

What stands in it was counted by archlab; as its sliders move, its script computes by the formulas that stand beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from archlab.files import write_atomic
from archlab.report.block_counts import ConvCost, LessonCounts, count_lesson, network_text, text_template
from archlab.report.block_drawing import draw_lesson
from archlab.report.block_formulas import Lesson, Product, Settings, Step
from archlab.report.block_lessons import CONTROLS, DEFAULTS, LESSONS
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.roi_drawing import bin_colour, figures_of
from archlab.report.roi_readings import roi_readings
from archlab.report.svg import ratio_bar

STYLES = ("page.css", "tables.css", "roi.css", "blocks.css", "print.css")
SCRIPTS = ("report.js", "formats.js", "blocks.js", "roi.js")
_NO_WEIGHTS = ConvCost(0, 0)


@dataclass(frozen=True, slots=True)
class StepRow:
    """A row of a block's table; a convolution that the block does not have at these settings is not shown."""

    step: Step
    filled: str
    cost: ConvCost
    is_shown: bool


@dataclass(frozen=True, slots=True)
class LessonPanel:
    """A block as the page has it."""

    lesson: Lesson
    text: str
    drawing: Markup
    counts: LessonCounts
    rows: tuple[StepRow, ...]
    standard: StepRow
    middle: str


def panel_of(lesson: Lesson, settings: Settings = DEFAULTS) -> LessonPanel:
    """Return what the page shows of a block at these settings."""
    counts = count_lesson(lesson, settings)
    values = lesson.values(settings)
    filled = lesson.standard_step.weights.filled(values)
    middle = "" if lesson.middle is None else _equation(lesson.middle, settings)
    return LessonPanel(
        lesson,
        network_text(lesson.call, settings),
        draw_lesson(lesson, settings),
        counts,
        tuple(_rows(lesson, counts, values)),
        StepRow(lesson.standard_step, filled, counts.standard, True),
        middle,
    )


def render_blocks_page() -> str:
    """Return the page as HTML, the same for the same installation."""
    info = roi_readings()
    panels = [panel_of(lesson) for lesson in LESSONS]
    return environment().get_template("blocks.html").render(
        panels=panels,
        controls=CONTROLS,
        example=next(panel for panel in panels if panel.lesson.key == "separable"),
        ratio_bar=ratio_bar,
        info=info,
        figures=figures_of(info),
        colour=bin_colour,
        csp=policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        first_script=static(FIRST_SCRIPT),
        styles=[static(name) for name in STYLES],
        scripts=[static(name) for name in SCRIPTS],
        data=json_block({**_block_data(), "roi": info.as_dict()}),
    )  # fmt: skip


def write_blocks_page(path: Path) -> None:
    """Write the page to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_blocks_page())


def _rows(lesson: Lesson, counts: LessonCounts, values: Settings) -> Iterator[StepRow]:
    for number, step in enumerate(lesson.steps):
        is_there = number < len(counts.steps)
        yield StepRow(step, step.weights.filled(values), counts.steps[number] if is_there else _NO_WEIGHTS, is_there)


def _equation(middle: Product, settings: Settings) -> str:
    return f"{middle.filled(settings)} = {middle.value(settings):g}"


def _block_data() -> dict[str, object]:
    controls = [{"name": one.name, "values": list(one.values), "default": one.default} for one in CONTROLS]
    return {"controls": controls, "lessons": [_lesson_data(lesson) for lesson in LESSONS]}


def _lesson_data(lesson: Lesson) -> dict[str, object]:
    """Return a block as the page's script reads it: its texts, and its formulas."""
    return {
        "key": lesson.key,
        "text": text_template(lesson.call),
        "steps": [{**step.weights.as_dict(), "is_projection": step.is_projection} for step in lesson.steps],
        "standard": lesson.standard_step.weights.as_dict(),
        "middle": lesson.middle.as_dict() if lesson.middle else None,
    }
