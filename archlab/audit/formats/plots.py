"""The plots of an audit as inline SVG: the roofline scatter, memory over the schedule, models by cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.audit.audit_result import Audit
from archlab.audit.findings import Operator
from archlab.report.label_places import Mark, place_labels
from archlab.report.svg import Axis, Frame, drawing, element, line_through, number, shorten
from archlab.units import format_bytes, format_count, format_tick

MOST_POINTS = 1500
_MOST_LABELS, _RADIUS, _LETTER = 40, 4.0, 6.2

_KINDS = ("product", "norm", "pool", "elementwise")


@dataclass(frozen=True, slots=True)
class PlotSize:
    """How large a plot is, and what there is room for.

    Attributes:
        frame: the picture and its margins.
        class_: of the style sheet, which shows one of the sizes.
        longest: of a label, in letters; 0 for none.
        ticks: the most along an axis.
        most: marks; of more, those of the most operations.
        is_pointed_at: whether marks have tooltips.
    """

    frame: Frame
    class_: str
    longest: int
    ticks: int = 8
    most: int = MOST_POINTS
    is_pointed_at: bool = True


SCATTERS = (
    PlotSize(Frame(620, 320, left=66, right=14, top=12, bottom=40), "wide-chart", 32),
    PlotSize(Frame(340, 280, left=58, right=10, top=10, bottom=40), "narrow-chart", 22, 4, 250, is_pointed_at=False),
)
SCHEDULES = (
    PlotSize(Frame(1200, 220, left=74, right=14, top=12, bottom=26), "wide-chart", 60),
    PlotSize(Frame(340, 190, left=66, right=10, top=12, bottom=26), "narrow-chart", 0, most=250),
)


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
    return scatter(roofline_points(audit), "operations per byte", "operations", lambda v: f"{v:g}", ridge)


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
    return scatter(points, "parameters", "MACs", format_tick)


def scatter(
    points: Sequence[Point], x: str, y: str, show_x: Callable[[float], str], limit: float | None = None
) -> Markup:
    """Return a scatter plot on two logarithmic axes, with a line at ``limit`` of the first; nothing without points.

    It is drawn in two sizes, of which the style sheet shows one; the narrow one, for telephones, has no tooltips.
    """
    return Markup("").join(_scatter(size, points, x, y, show_x, limit) for size in SCATTERS if points)


def _scatter(
    size: PlotSize,
    points: Sequence[Point],
    x: str,
    y: str,
    show_x: Callable[[float], str],
    limit: float | None,
) -> Markup:
    frame = size.frame
    x_axis = Axis.over([*(p.x for p in points), *([] if limit is None else [limit])], *frame.x_ends, is_log=True)
    y_axis = Axis.over([p.y for p in points], *frame.y_ends, is_log=True)
    points = points[: size.most]
    marks = [Mark(x_axis.at(p.x), y_axis.at(p.y), _RADIUS, shorten(p.label, size.longest)) for p in points]
    labels = place_labels(marks, frame, _LETTER) if len(points) <= _MOST_LABELS else ()
    return drawing(
        frame.size,
        f"{y} against {x}",
        *(frame.x_tick(x_axis.at(tick), show_x(tick)) for tick in x_axis.ticks(size.ticks)),
        *(frame.y_tick(y_axis.at(tick), format_tick(tick)) for tick in y_axis.ticks(size.ticks)),
        Markup() if limit is None else _limit(x_axis.at(limit), frame),
        *(_mark(p, mark, size.is_pointed_at) for p, mark in zip(points, marks, strict=True)),
        *(element("text", label.name, x=label.x, y=label.y, text_anchor=label.anchor) for label in labels),
        frame.x_title(x),
        frame.y_title(y),
        class_=f"chart audit-plot {size.class_}",
    )


def _limit(x: float, frame: Frame) -> Markup:
    top, bottom = sorted(frame.y_ends)
    return element("line", x1=x, x2=x, y1=top, y2=bottom, class_="limit")


def _mark(point: Point, at: Mark, is_pointed_at: bool) -> Markup:
    title = element("title", point.title) if is_pointed_at else Markup()
    return element("g", title, element("circle", cx=at.x, cy=at.y, r=at.r), class_=f"mark {point.role}")


def _above(x: float, y: float, frame: Frame, text: str) -> Markup:
    """Return text above a point, to the right of it, or where it lies in the right half, to the left."""
    if x > frame.width / 2:
        return element("text", text, x=x - 8, y=y - 8, text_anchor="end")
    return element("text", text, x=x + 8, y=y - 8)


def memory(audit: Audit) -> Markup:
    """Return a plot of the bytes of live activations behind each operator, with the peak marked, in two sizes."""
    live = [operator.live for operator in audit.operators]
    if not live or not max(live):
        return Markup()
    peak = max(range(len(live)), key=live.__getitem__)
    return Markup("").join(_memory(size, live, peak, audit.operators[peak].name) for size in SCHEDULES)


def _memory(size: PlotSize, live: Sequence[int], peak: int, name: str) -> Markup:
    frame = size.frame
    x_axis = Axis(0, max(len(live) - 1, 1), *frame.x_ends)
    y_axis = Axis(0, max(live) * 1.2, *frame.y_ends)
    step = 1 + len(live) // size.most  # of more operators than there are places, the most that lives at each place
    highest = [(i, max(live[i : i + step])) for i in range(0, len(live), step)]
    line = line_through((x_axis.at(i), y_axis.at(value)) for i, value in highest)
    (left, right), base = frame.x_ends, y_axis.at(0)
    x, y = x_axis.at(peak), y_axis.at(live[peak])
    words = f"peak {format_bytes(live[peak])}" + (f" at {shorten(name, size.longest)}" if size.longest else "")
    circle = element("circle", cx=x, cy=y, r=5)
    return drawing(
        frame.size,
        "live memory over the schedule",
        *(frame.y_tick(y_axis.at(value), format_bytes(value)) for value in (0, max(live) / 2, max(live))),
        element("path", class_="area", d=f"{line}L{number(right)} {number(base)}L{number(left)} {number(base)}Z"),
        element("path", class_="edge", d=line),
        element("g", element("title", name), circle, class_="mark peak"),
        _above(x, y, frame, words),
        frame.x_title("operators in the order of running"),
        class_=f"chart audit-plot wide-plot {size.class_}",
    )
