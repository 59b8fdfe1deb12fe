"""What a report shows of each finalist: its text, its drawing while there is room, and its counts in words."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.measured import Latency, Predicted
from archlab.report.diagram import draw
from archlab.report.finalist_info import FinalistInfo
from archlab.report.objectives_and_costs import finite
from archlab.report.search_stages import Detail, details
from archlab.report.svg import element
from archlab.search.result import Finalist
from archlab.units import format_spread

LONG_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class FinalistPanel:
    """A finalist as its panel shows it; ``drawing`` is None where ``undrawn`` says why."""

    info: FinalistInfo
    text: str
    drawing: Markup | None
    undrawn: str
    recount: Markup
    latency: str
    details: dict[str, tuple[Detail, ...]]


def panels(infos: Sequence[FinalistInfo], room: int, elsewhere: Container[str] = ()) -> tuple[FinalistPanel, ...]:
    """Return every finalist with its drawing, as long as the drawings fit in ``room`` characters.

    Behind the first that does not fit none is drawn, so that what is drawn takes no longer than what is shown.

    The details of the objectives in ``elsewhere`` have a place of their own in the page, and are left out here.
    """
    left, rows = room, []
    for info in infos:
        drawing, undrawn = None, ""
        if info.graph is None:
            undrawn = "Its text describes no network that this version of archlab can build, so there is no drawing."
        elif len(info.graph) == 0:
            undrawn = "It has no operators to draw."
        else:
            markup = draw(info.graph) if left > 0 else Markup("")
            left -= len(markup)
            if left > 0:
                drawing = markup
            else:
                undrawn = "Its drawing is left out to keep this file small; `archlab show` prints its stages."
        text = info.finalist.text if info.is_shown else ""
        text = text if len(text) <= LONG_TEXT else text[:LONG_TEXT] + "\n… cut off here\n"
        rows.append(
            FinalistPanel(
                info,
                text,
                drawing,
                undrawn,
                recount(info.finalist),
                latency(info.finalist.latency),
                details(info.finalist, but=elsewhere),
            )
        )
    return tuple(rows)


def recount(finalist: Finalist) -> Markup:
    """Return how fvcore's count differs from the closed form's, in words with a sign."""
    if finalist.recount is None:
        return element("span", "not recounted", class_="muted")
    difference = finalist.recount.macs - int(finite(finalist.cost.get("macs")) or 0)
    if difference:
        return element("span", f"≠ {difference:+,} MACs", class_="bad")
    if finalist.recount.equal:
        return element("span", "✓ equal", class_="good")
    return element("span", "≠ operators differ", class_="bad")


def latency(measured: Latency | None) -> str:
    """Return a latency with its spread, or that it is too noisy to say."""
    return "" if measured is None else format_spread(measured.median, measured.low, measured.high)


def prediction(predicted: Predicted | None) -> str:
    """Return a predicted latency with its interval."""
    if predicted is None:
        return ""
    low, middle, high = (value * 1e3 for value in (predicted.low, predicted.seconds, predicted.high))
    return f"{middle:.1f} ms ({low:.1f}–{high:.1f})"
