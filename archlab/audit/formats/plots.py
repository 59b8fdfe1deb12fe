"""The plots of an audit as inline SVG: the roofline scatter, memory over the schedule, models by cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.audit.audit_result import Audit
from archlab.audit.findings import Operator
from archlab.report.svg import Axis, Frame, drawing, element, line_through, number, shorten
from archlab.units import format_bytes, format_count

SCATTER = Frame(620, 320, left=74, right=14, top=12, bottom=40)
SCHEDULE = Frame(1200, 220, left=74, right=14, top=12, bottom=26)
MOST_POINTS = 1500

_KINDS = ("product", "norm", "pool", "elementwise")


@dataclass(frozen=True, slots=True)
class Point:
    """A mark of a scatter plot with its tooltip, and its label where it has one."""

    x: float
    y: float
    title: str
    role: str
    label: str = ""


def roofline_points(audit: Audit) -> tuple[Point, ...]:
    """Place each operator that computes by its operations per byte and its operations."""
    points = []
    for operator in audit.operators:
        work, intensity = operator.operations, operator.intensity
        if work and intensity:
            title = f"{operator.name}\n{intensity:.2f} operations per byte, {format_count(work)} operations"
            points.append(Point(intensity, work, title, kind(operator)))
    return tuple(sorted(points, key=lambda p: -p.y)[:MOST_POINTS])


def kind(operator: Operator) -> str:
    """Return what most of an operator's arithmetic is."""
    if operator.macs:
        return "product"
    return max(_KINDS[1:], key=lambda name: getattr(operator, name))


def roofline(audit: Audit) -> Markup:
    """Return the roofline scatter: far to the left an operator is bound by memory, to the right by arithmetic.

    Where the machine was measured, a line stands at the operations per byte that part the two on it.
    """
    ridge = None if audit.roof is None else audit.roof.ridge
    return scatter(roofline_points(audit), "operations per byte", "operations", lambda v: f"{v:g}", format_count, ridge)


def models(audits: Sequence[Audit]) -> Markup:
    """Return models by parameters and MACs."""
    points = [
        Point(
            a.params,
            a.macs,
            f"{a.name}\n{format_count(a.params)} params, {format_count(a.macs)} MACs",
            "product",
            a.name,
        )
        for a in audits
        if a.params and a.macs
    ]
    return scatter(points, "parameters", "MACs", format_count, format_count)


def scatter(
    points: Sequence[Point],
    x: str,
    y: str,
    show_x: Callable[[float], str],
    show_y: Callable[[float], str],
    limit: float | None = None,
) -> Markup:
    """Return a scatter plot on two logarithmic axes, with a line at ``limit`` of the first; nothing without points."""
    if not points:
        return Markup()
    x_axis = Axis.over([*(p.x for p in points), *([] if limit is None else [limit])], *SCATTER.x_ends, is_log=True)
    y_axis = Axis.over([p.y for p in points], *SCATTER.y_ends, is_log=True)
    return drawing(
        SCATTER.size,
        f"{y} against {x}",
        *(SCATTER.x_tick(x_axis.at(tick), show_x(tick)) for tick in x_axis.ticks(8)),
        *(SCATTER.y_tick(y_axis.at(tick), show_y(tick)) for tick in y_axis.ticks(8)),
        Markup() if limit is None else _limit(x_axis.at(limit)),
        *(_mark(p, x_axis.at(p.x), y_axis.at(p.y), has_label=len(points) <= 40) for p in points),
        SCATTER.x_title(x),
        SCATTER.y_title(y),
        class_="chart audit-plot",
    )


def _limit(x: float) -> Markup:
    top, bottom = sorted(SCATTER.y_ends)
    return element("line", x1=x, x2=x, y1=top, y2=bottom, class_="limit")


def _mark(point: Point, x: float, y: float, has_label: bool) -> Markup:
    label = _beside(x, y, 8, SCATTER.width * 0.7, shorten(point.label, 26)) if point.label and has_label else Markup()
    circle = element("circle", cx=x, cy=y, r=4)
    return element("g", element("title", point.title), circle, label, class_=f"mark {point.role}")


def _beside(x: float, y: float, gap: float, last: float, text: str) -> Markup:
    """Return text to the right of a point, or where the point lies beyond ``last``, to the left."""
    if x > last:
        return element("text", text, x=x - gap, y=y + 4, text_anchor="end")
    return element("text", text, x=x + gap, y=y + 4)


def memory(audit: Audit) -> Markup:
    """Return a plot of the bytes of live activations behind each operator, with the peak marked."""
    live = [operator.live for operator in audit.operators]
    if not live or not max(live):
        return Markup()
    x_axis = Axis(0, max(len(live) - 1, 1), *SCHEDULE.x_ends)
    y_axis = Axis(0, max(live) * 1.08, *SCHEDULE.y_ends)
    line = line_through((x_axis.at(i), y_axis.at(value)) for i, value in enumerate(live))
    (left, right), base = SCHEDULE.x_ends, y_axis.at(0)
    peak = max(range(len(live)), key=live.__getitem__)
    x, y, name = x_axis.at(peak), y_axis.at(live[peak]), audit.operators[peak].name
    words = f"peak {format_bytes(live[peak])} at {shorten(name, 60)}"
    circle = element("circle", cx=x, cy=y, r=5)
    return drawing(
        SCHEDULE.size,
        "live memory over the schedule",
        *(SCHEDULE.y_tick(y_axis.at(value), format_bytes(value)) for value in (0, max(live) / 2, max(live))),
        element("path", class_="area", d=f"{line}L{number(right)} {number(base)}L{number(left)} {number(base)}Z"),
        element("path", class_="edge", d=line),
        element("g", element("title", name), circle, class_="mark peak"),
        _beside(x, y, 10, SCHEDULE.width / 2, words),
        SCHEDULE.x_title("operators in the order of running"),
        class_="chart audit-plot wide-plot",
    )
