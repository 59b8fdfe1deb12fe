"""The plots of an audit as inline SVG: the roofline scatter, memory over the schedule, models by cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from archlab.audit.audit_result import Audit
from archlab.audit.findings import Operator
from archlab.units import format_bytes, format_count

WIDTH, HEIGHT = 620, 320
LEFT, RIGHT, TOP, BOTTOM = 74, 14, 12, 40
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


def roofline(audit: Audit) -> str:
    """Draw the roofline scatter: far to the left an operator is bound by memory, to the right by arithmetic."""
    return scatter(roofline_points(audit), "operations per byte", "operations", lambda v: f"{v:g}", format_count)


def models(audits: Sequence[Audit]) -> str:
    """Draw models by parameters and MACs."""
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
    points: Sequence[Point], x: str, y: str, show_x: Callable[[float], str], show_y: Callable[[float], str]
) -> str:
    """Draw a scatter plot on two logarithmic axes."""
    if not points:
        return ""
    across = _axis([p.x for p in points], LEFT, WIDTH - RIGHT)
    up = _axis([p.y for p in points], HEIGHT - BOTTOM, TOP)
    grid = "".join(
        f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/><text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" class="mid">{show_x(v)}</text>'
        for v, at in across.ticks
    ) + "".join(
        f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/><text x="{LEFT - 6}" y="{at + 4:.1f}" class="end">{show_y(v)}</text>'
        for v, at in up.ticks
    )
    marks = "".join(_mark(p, across.place(p.x), up.place(p.y), len(points)) for p in points)
    return (
        f'<svg class="audit-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{y} against {x}">'
        f'<g class="grid">{grid}</g>{marks}'
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" class="mid title">{x}</text>'
        f'<text transform="translate(12 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" class="mid title">{y}</text></svg>'
    )


def _mark(point: Point, x: float, y: float, among: int) -> str:
    label = ""
    if point.label and among <= 40:
        short = point.label if len(point.label) <= 26 else point.label[:25] + "…"
        end = x > WIDTH * 0.7
        label = f'<text x="{x - 8 if end else x + 8:.1f}" y="{y + 4:.1f}" class="{"end" if end else ""}">{escape(short)}</text>'
    return (
        f'<g class="mark {point.role}"><title>{escape(point.title)}</title>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>{label}</g>'
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, float], ...]

    def place(self, value: float) -> float:
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low, high = math.log10(min(values)), math.log10(max(values))
    pad = max((high - low) * 0.06, 0.1)
    axis = _Axis(low - pad, high + pad, start, end, ())
    decades = range(math.ceil(axis.low), math.floor(axis.high) + 1)
    marks = [10.0**d for d in decades]
    if len(marks) < 2:
        marks = [f * 10.0**d for d in range(math.floor(axis.low), math.ceil(axis.high) + 1) for f in (1, 2, 5)]
        marks = [m for m in marks if axis.low <= math.log10(m) <= axis.high]
    step = max(1, len(marks) // 7)
    return _Axis(axis.low, axis.high, start, end, tuple((m, axis.place(m)) for m in marks[::step]))


def memory(audit: Audit) -> str:
    """Draw the bytes of live activations behind each operator, with the peak marked."""
    live = [operator.live for operator in audit.operators]
    if not live or not max(live):
        return ""
    width, top = 1200, max(live) * 1.08
    height, bottom = 220, 26

    def at(i: int, value: float) -> tuple[float, float]:
        return LEFT + (width - LEFT - RIGHT) * (i / max(len(live) - 1, 1)), TOP + (height - TOP - bottom) * (
            1 - value / top
        )

    line = "".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, v in enumerate(live) for x, y in [at(i, v)])
    base = height - bottom
    peak = max(range(len(live)), key=live.__getitem__)
    x, y = at(peak, live[peak])
    name = audit.operators[peak].name
    end = x > width / 2
    ticks = "".join(
        f'<path d="M{LEFT} {ty:.1f}H{width - RIGHT}"/><text x="{LEFT - 6}" y="{ty + 4:.1f}" class="end">{format_bytes(value)}</text>'
        for value in (0, max(live) / 2, max(live))
        for _, ty in [at(0, value)]
    )
    return (
        f'<svg class="audit-plot wide-plot" viewBox="0 0 {width} {height}" role="img" aria-label="live memory over the schedule">'
        f'<g class="grid">{ticks}</g><path class="area" d="{line}L{width - RIGHT} {base}L{LEFT} {base}Z"/>'
        f'<path class="edge" d="{line}"/><g class="mark peak"><title>{escape(name)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="5"/></g>'
        f'<text class="{"end" if end else ""}" x="{x - 10 if end else x + 10:.1f}" y="{y + 4:.1f}">'
        f"peak {format_bytes(live[peak])} at {escape(name if len(name) <= 60 else name[:59] + '…')}</text>"
        f'<text x="{(LEFT + width) / 2}" y="{height - 6}" class="mid title">operators in the order of running</text></svg>'
    )
