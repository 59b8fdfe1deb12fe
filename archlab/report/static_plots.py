"""Scatter plots as plain SVG, for readers without JavaScript and until a script has drawn the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.report.objectives_and_costs import Measure
from archlab.report.search_views import HistoryView, ParetoView, budget_lines, placed
from archlab.report.svg import Axis, Frame, Point, drawing, element, line_through, shorten, steps
from archlab.search.result import SearchResult

WIDE = Frame(720, 360, left=70, right=16, top=18, bottom=46)
NARROW = Frame(340, 270, left=62, right=12, top=18, bottom=46)
"""For a telephone: drawn about as large as it is shown, so that its words can be read."""

_LETTER = 6.5
MAX_POINTS, MAX_POINTS_NARROW = 1_500, 300
"""Dots in a plot; of more, every second, third and so on is drawn."""


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
    """Return the plot as SVG in two sizes, of which the style sheet shows one.

    Args:
        series: drawn in order, on common axes.
        x_title, y_title: with units; any text.
        limits: (``"x"`` or ``"y"``, where, label) of dashed lines.
    """
    sizes = ((WIDE, "wide-chart", MAX_POINTS), (NARROW, "narrow-chart", MAX_POINTS_NARROW))
    return Markup("").join(_scatter(*size, series, (x_title, y_title), limits) for size in sizes)


def _scatter(
    frame: Frame,
    class_: str,
    most: int,
    series: Sequence[Series],
    titles: tuple[str, str],
    limits: Sequence[tuple[str, float, str]],
) -> Markup:
    xs = [x for s in series for x, _ in s.points] + [at for axis, at, _ in limits if axis == "x"]
    ys = [y for s in series for _, y in s.points] + [at for axis, at, _ in limits if axis == "y"]
    x_axis, y_axis = Axis.over(xs, *frame.x_ends), Axis.over(ys, *frame.y_ends)
    along, up = (abs(ends[1] - ends[0]) for ends in (frame.x_ends, frame.y_ends))
    x_title, y_title = shorten(titles[0], round(along / _LETTER)), shorten(titles[1], round(up / _LETTER))
    return drawing(
        frame.size,
        f"{y_title} against {x_title}",
        *(frame.x_tick(x_axis.at(tick), f"{tick:.6g}") for tick in x_axis.ticks(round(along / 60))),
        *(frame.y_tick(y_axis.at(tick), f"{tick:.6g}") for tick in y_axis.ticks()),
        *_limits([(axis, (x_axis if axis == "x" else y_axis).at(at), label) for axis, at, label in limits], frame),
        *(_marks(s, x_axis, y_axis, most) for s in series),
        frame.x_title(x_title),
        frame.y_title(y_title),
        class_=f"chart static-plot {class_}",
    )


def _limits(limits: Sequence[tuple[str, float, str]], frame: Frame) -> list[Markup]:
    """Return dashed lines with their labels: of an upright one above it, of a level one at the other end."""
    upright = next((at for axis, at, _ in limits if axis == "x"), frame.width)
    on_the_left = upright > sum(frame.x_ends) / 2
    parts = []
    for axis, at, label in limits:
        if axis == "x":
            path, x, y = frame.upright(at), at - 5 if on_the_left else at + 5, frame.top - 5
            anchor = "end" if on_the_left else "start"
        else:
            # Away from the upright line's label, so that neither lies on the other.
            path, x, y = frame.level(at), frame.x_ends[0] + 4 if on_the_left else frame.x_ends[1] - 4, at - 5
            anchor = "start" if on_the_left else "end"
        parts += [element("path", class_="limit", d=path), element("text", label, x=x, y=y, text_anchor=anchor)]
    return parts


def _marks(series: Series, x_axis: Axis, y_axis: Axis, most: int) -> Markup:
    """Return one path for all points: a dot is a line of no length with round ends."""
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in series.points]
    if series.joined:
        return element("path", class_=f"line role-{series.role}", d=line_through(places))
    dots = "".join(f"{line_through([place])}h0" for place in places[:: 1 + len(places) // most])
    return element("path", class_=f"dots role-{series.role}", d=dots)
