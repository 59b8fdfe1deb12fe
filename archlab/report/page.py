"""What the templates show: the result turned into words, rows and drawings, in one value."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from archlab.cost import METRICS
from archlab.measured import Latency
from archlab.report.diagram import draw
from archlab.report.finalists import FinalistInfo
from archlab.report.funnel import Detail, details
from archlab.report.info import STATE_LABELS, STATES, HistoryView, ParetoView
from archlab.report.measures import Measure, Measures, finite
from archlab.report.static_plot import Series, static_scatter
from archlab.report.svg import element
from archlab.search.result import Finalist, SearchResult, State
from archlab.units import format_count

LONG_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Count:
    """How many draws had a state."""

    state: State
    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget, what the best finalist uses of it, and the smallest network's cost."""

    label: str
    limit: str
    best: str | None
    used: float | None
    smallest: str | None


@dataclass(frozen=True, slots=True)
class Panel:
    """A finalist as its panel shows it; ``drawing`` is None where ``undrawn`` says why."""

    info: FinalistInfo
    text: str
    drawing: Markup | None
    undrawn: str
    recount: str
    recount_ok: bool | None
    latency: str
    details: dict[str, tuple[Detail, ...]]


def counts(result: SearchResult) -> tuple[Count, ...]:
    """Draws by state."""
    found = result.counts()
    total = max(sum(found.values()), 1)
    return tuple(Count(state, STATE_LABELS[state], found[state], found[state] / total) for state in STATES)


def count_bar(counts: Sequence[Count]) -> Markup:
    """Return a bar in which every state is as wide as its share of the draws."""
    starts = accumulate((100 * count.share for count in counts), initial=0.0)
    parts = [
        element("rect", class_=f"state-{count.state}", x=start, width=100 * count.share, height=8)
        for count, start in zip(counts, starts, strict=False)
    ]
    whole = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria_hidden": "true"}
    return element("svg", element("rect", class_="track", width=100, height=8), *parts, class_="stack", **whole)


def budgets(result: SearchResult) -> tuple[BudgetRow, ...]:
    """The budgets in words."""
    best = result.finalists[0] if result.finalists else None
    rows = []
    for name, limit in result.budgets.items():
        show = METRICS[name].format if name in METRICS else format_count
        used = finite(best.cost.get(name)) if best else None
        smallest = finite(result.smallest.get(name))
        rows.append(
            BudgetRow(
                METRICS[name].unit if name in METRICS else name,
                show(limit) if finite(limit) is not None else str(limit),
                show(used) if used is not None else None,
                used / limit if used is not None and limit > 0 else None,
                show(smallest) if smallest is not None else None,
            )
        )
    return tuple(rows)


def panels(infos: Sequence[FinalistInfo], room: int, told: Container[str] = ()) -> tuple[Panel, ...]:
    """Every finalist with its drawing, as long as the drawings fit in ``room`` characters.

    What the objectives in ``told`` say of it stands elsewhere in the page.
    """
    left, made = room, []
    for info in infos:
        drawing, undrawn = None, ""
        if info.graph is None:
            undrawn = "Its text describes no network that this version of archlab can build, so there is no drawing."
        elif len(info.graph) == 0:
            undrawn = "It has no operators to draw."
        else:
            markup = draw(info.graph)
            if len(markup) <= left:
                left -= len(markup)
                drawing = markup
            else:
                undrawn = "Its drawing is left out to keep this file small; `archlab show` prints its stages."
        words, is_equal = recount(info.finalist)
        text = info.finalist.text
        text = text if len(text) <= LONG_TEXT else text[:LONG_TEXT] + "\n… cut off here\n"
        timed, said = latency(info.finalist.latency), details(info.finalist, but=told)
        made.append(Panel(info, text, drawing, undrawn, words, is_equal, timed, said))
    return tuple(made)


def recount(finalist: Finalist) -> tuple[str, bool | None]:
    """What fvcore's count says of the closed form's, and whether they agree; None where nothing was recounted."""
    if finalist.recount is None:
        return "not recounted", None
    difference = finalist.recount.macs - int(finite(finalist.cost.get("macs")) or 0)
    if difference:
        return f"{difference:+,} MACs", False
    return ("equal", True) if finalist.recount.equal else ("operators differ", False)


def latency(measured: Latency | None) -> str:
    """A latency with its spread."""
    if measured is None:
        return ""
    low, middle, high = (value * 1e3 for value in (measured.low, measured.median, measured.high))
    return f"{middle:.1f} ms ({low:.1f}–{high:.1f})"


def headline(result: SearchResult, measures: Measures) -> str:
    """The result in a sentence."""
    if not result.trials:
        return "No network was drawn."
    scored = result.counts()["scored"]
    drawn = f"{len(result.trials):,} {'draw' if len(result.trials) == 1 else 'draws'}, {scored:,} scored."
    if not result.finalists or not measures.objectives:
        return drawn
    best = result.finalists[0]
    words = [f"{m.noun} {m.with_unit(m.of(best))}" for m in measures.objectives]
    words += [f"{m.with_unit(m.of(best))} {m.noun}" for m in measures.costs if m.name in ("macs", "params")]
    ranked_by = result.stages[-1].objectives if result.stages else measures.objectives
    several = len(ranked_by) > 1
    return f"{drawn} {'First of the front' if several else 'Best'}: {', '.join(words)}."


def static_pareto(view: ParetoView, result: SearchResult) -> Markup:
    """The first Pareto plot, for readers without JavaScript."""
    points = {}
    for trial in result.trials:
        x, y = view.x.rounded(view.x.of(trial)), view.y.rounded(view.y.of(trial))
        if trial.state == "scored" and x is not None and y is not None:
            points[trial.number] = (x, y)
    finalists = [points[f.trial] for f in result.finalists if f.trial in points]
    series = (
        Series("scored", list(points.values())),
        Series("front", [points[number] for number in view.front if number in points], joined=True),
        Series("finalist", finalists),
    )
    limits = [
        (axis, measure.limit / measure.scale, f"budget {measure.with_unit(measure.limit)}")
        for axis, measure in (("x", view.x), ("y", view.y))
        if measure.limit is not None
    ]
    return static_scatter(series, view.x.title, view.y.title, limits)


def static_history(view: HistoryView) -> Markup:
    """The first history plot, for readers without JavaScript."""

    def shown(points: Sequence[tuple[int, float]], y: Measure) -> list[tuple[float, float]]:
        return [(number, y.rounded(value) or 0.0) for number, value in points]

    steps: list[tuple[float, float]] = []
    for number, value in shown(view.best, view.y):
        steps += [(number, steps[-1][1]), (number, value)] if steps else [(number, value)]
    series = (Series("scored", shown(view.scored, view.y)), Series("best", steps, joined=True))
    return static_scatter(series, "trial", view.y.title)
