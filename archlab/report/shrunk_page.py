"""A shrinking as one HTML page: what the smaller network costs and keeps, what was cut where, and what next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archlab.files import write_atomic
from archlab.original.shrunk import LayerKept, Shrunk
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.shrunk_rows import front, lead, measured_as, names, next_steps, rows
from archlab.report.static_plots import Series, static_scatter
from archlab.report.svg import steps

STYLES = ("page.css", "tables.css", "training.css", "shrunk.css", "print.css")
SCRIPTS = ("report.js",)
MOST_LAYERS = 400


@dataclass(frozen=True, slots=True)
class StageKept:
    """A stage of the result: how many of its layers' output channels are left, and of how many."""

    name: str
    kept: int
    of: int
    layers: tuple[LayerKept, ...]


def write_shrunk_page(shrunk: Shrunk, path: Path) -> None:
    """Write the page to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_shrunk_page(shrunk))


def render_shrunk_page(shrunk: Shrunk) -> str:
    """Return the page as HTML, the same for the same result."""
    chosen = shrunk.contenders[0]
    series = (
        Series("scored", [_point(draw.macs, draw.accuracy) for draw in shrunk.draws]),
        Series("front", steps([_point(*point) for point in front(shrunk)]), joined=True),
        Series("finalist", [_point(chosen.macs, chosen.judged)]),
    )
    original = 100 * shrunk.original_held_out
    limits = [("y", original, "the original")]
    if "macs" in shrunk.budgets:
        limits.append(("x", shrunk.budgets["macs"] / 1e6, "budget"))
    return environment().get_template("shrunk.html").render(
        title=f"{shrunk.original.name}, shrunk",
        shrunk=shrunk,
        lead=lead(shrunk),
        names=names(shrunk),
        what=measured_as(shrunk),
        rows=rows(shrunk),
        plot=static_scatter(series, "MACs (M)", f"held-out {measured_as(shrunk)} (%)", limits),
        stages=() if shrunk.rule else stages_of(shrunk),
        rewritten=shrunk.layers[:MOST_LAYERS],
        steps=next_steps(shrunk, "."),
        csp=policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        first_script=static(FIRST_SCRIPT),
        styles=[static(name) for name in STYLES],
        scripts=[static(name) for name in SCRIPTS],
        data=json_block({}),
    )  # fmt: skip


def stages_of(shrunk: Shrunk) -> list[StageKept]:
    """Return the layers by stage, at most ``MOST_LAYERS``."""
    by_stage: dict[str, list[LayerKept]] = {}
    for layer in shrunk.layers[:MOST_LAYERS]:
        by_stage.setdefault(layer.name.partition(".")[0], []).append(layer)
    return [
        StageKept(name, sum(one.outputs[0] for one in own), sum(one.outputs[1] for one in own), tuple(own))
        for name, own in by_stage.items()
    ]


def _point(macs: float, accuracy: float) -> tuple[float, float]:
    return macs / 1e6, 100 * accuracy
