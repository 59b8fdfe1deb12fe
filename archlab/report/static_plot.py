"""A scatter plot as plain SVG, for readers without JavaScript and until a script has drawn the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.report.svg import Axis, Frame, Point, drawing, element, line_through, shorten

FRAME = Frame(720, 360, left=70, right=16, top=18, bottom=46)
MAX_POINTS = 1_500


@dataclass(frozen=True, slots=True)
class Series:
    """Points or, joined, a line; ``role`` is a class of the style sheet."""

    role: str
    points: Sequence[Point]
    joined: bool = False


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
        *(_limit(axis, (x_axis if axis == "x" else y_axis).at(at), label) for axis, at, label in limits),
        *(_marks(s, x_axis, y_axis) for s in series),
        FRAME.x_title(x_title),
        FRAME.y_title(y_title),
        class_="chart static-plot",
    )


def _limit(axis: str, at: float, label: str) -> Markup:
    """A dashed line with its label beside it."""
    if axis == "x":
        path, x, y = FRAME.upright(at), at - 5, FRAME.top + 10
    else:
        path, x, y = FRAME.level(at), FRAME.x_ends[1] - 4, at - 5
    return element("path", class_="limit", d=path) + element("text", label, x=x, y=y, text_anchor="end")


def _marks(series: Series, x_axis: Axis, y_axis: Axis) -> Markup:
    """One path for all points: a dot is a line of no length with round ends."""
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in series.points]
    if series.joined:
        return element("path", class_=f"line role-{series.role}", d=line_through(places))
    dots = "".join(f"{line_through([place])}h0" for place in places[:: 1 + len(places) // MAX_POINTS])
    return element("path", class_=f"dots role-{series.role}", d=dots)
