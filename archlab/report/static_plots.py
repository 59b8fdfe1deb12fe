"""Scatter plots as plain SVG, for readers without JavaScript and until a script has drawn the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.report.objectives_and_costs import Measure
from archlab.report.search_views import HistoryView, ParetoView, budget_lines, placed, steps
from archlab.report.svg import Axis, Frame, Point, drawing, element, line_through, shorten
from archlab.search.result import SearchResult

FRAME = Frame(720, 360, left=70, right=16, top=18, bottom=46)
MAX_POINTS = 1_500


@dataclass(frozen=True, slots=True)
class Series:
    """Points or, joined, a line; ``role`` is a class of the style sheet."""

    role: str
    points: Sequence[Point]
    joined: bool = False


def static_pareto(view: ParetoView, result: SearchResult) -> Markup:
    """Return the first Pareto plot, for readers without JavaScript."""
    points = placed(view, result)
    finalists = [points[f.trial] for f in result.finalists if f.trial in points]
    series = (
        Series("scored", list(points.values())),
        Series("front", steps([points[number] for number in view.front if number in points]), joined=True),
        Series("finalist", finalists),
    )
    limits = [
        (line.axis, line.at, f"budget {line.measure.with_unit(line.measure.limit)}")
        for line in budget_lines(view, points.values())
        if not line.beyond
    ]
    return static_scatter(series, view.x.title, view.y.title, limits)


def static_history(view: HistoryView) -> Markup:
    """Return the first history plot, for readers without JavaScript."""

    def shown(points: Sequence[tuple[int, float]], y: Measure) -> list[tuple[float, float]]:
        return [(number, y.rounded(value) or 0.0) for number, value in points]

    series = (
        Series("scored", shown(view.scored, view.y)),
        Series("best", steps(shown(view.best, view.y)), joined=True),
    )
    return static_scatter(series, "trial", view.y.title)


def static_scatter(
    series: Sequence[Series], x_title: str, y_title: str, limits: Sequence[tuple[str, float, str]] = ()
) -> Markup:
    """Return the plot as SVG.

    Args:
        series: drawn in order, on common axes.
        x_title, y_title: with units; any text.
        limits: (``"x"`` or ``"y"``, where, label) of dashed lines.
    """
    xs = [x for s in series for x, _ in s.points] + [at for axis, at, _ in limits if axis == "x"]
    ys = [y for s in series for _, y in s.points] + [at for axis, at, _ in limits if axis == "y"]
    x_axis, y_axis = Axis.over(xs, *FRAME.x_ends), Axis.over(ys, *FRAME.y_ends)
    x_title, y_title = shorten(x_title, 60), shorten(y_title, 60)
    return drawing(
        FRAME.size,
        f"{y_title} against {x_title}",
        *(FRAME.x_tick(x_axis.at(tick), f"{tick:.6g}") for tick in x_axis.ticks()),
        *(FRAME.y_tick(y_axis.at(tick), f"{tick:.6g}") for tick in y_axis.ticks()),
        *_limits([(axis, (x_axis if axis == "x" else y_axis).at(at), label) for axis, at, label in limits]),
        *(_marks(s, x_axis, y_axis) for s in series),
        FRAME.x_title(x_title),
        FRAME.y_title(y_title),
        class_="chart static-plot",
    )


def _limits(limits: Sequence[tuple[str, float, str]]) -> list[Markup]:
    """Return dashed lines with their labels: of an upright one beside its head, of a level one at the other end."""
    upright = next((at for axis, at, _ in limits if axis == "x"), FRAME.width)
    on_the_left = upright > sum(FRAME.x_ends) / 2
    parts = []
    for axis, at, label in limits:
        if axis == "x":
            path, x, y = FRAME.upright(at), at - 5 if on_the_left else at + 5, FRAME.top + 10
            anchor = "end" if on_the_left else "start"
        else:
            # Away from the upright line's label, so that neither lies on the other.
            path, x, y = FRAME.level(at), FRAME.x_ends[0] + 4 if on_the_left else FRAME.x_ends[1] - 4, at - 5
            anchor = "start" if on_the_left else "end"
        parts += [element("path", class_="limit", d=path), element("text", label, x=x, y=y, text_anchor=anchor)]
    return parts


def _marks(series: Series, x_axis: Axis, y_axis: Axis) -> Markup:
    """Return one path for all points: a dot is a line of no length with round ends."""
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in series.points]
    if series.joined:
        return element("path", class_=f"line role-{series.role}", d=line_through(places))
    dots = "".join(f"{line_through([place])}h0" for place in places[:: 1 + len(places) // MAX_POINTS])
    return element("path", class_=f"dots role-{series.role}", d=dots)
