"""A scatter plot as plain SVG, for readers without JavaScript and until a script has drawn the real one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 18, 46
MAX_POINTS = 1_500
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Points or, joined, a line; ``role`` is a class of the style sheet."""

    role: str
    points: Sequence[Point]
    joined: bool = False


def static_scatter(
    series: Sequence[Series], x_title: str, y_title: str, limits: Sequence[tuple[str, float, str]] = ()
) -> str:
    """The plot as SVG.

    Args:
        series: drawn in order, on common axes.
        x_title, y_title: with units; any text.
        limits: (``"x"`` or ``"y"``, where, label) of dashed lines.
    """
    xs = [x for s in series for x, _ in s.points] + [at for axis, at, _ in limits if axis == "x"]
    ys = [y for s in series for _, y in s.points] + [at for axis, at, _ in limits if axis == "y"]
    x_axis, y_axis = _Axis.over(xs, LEFT, WIDTH - RIGHT), _Axis.over(ys, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg class="static-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(y_title[:60])} against {escape(x_title[:60])}">'
    ]
    for tick in x_axis.ticks():
        x = x_axis.at(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:.6g}</text>')
    for tick in y_axis.ticks():
        y = y_axis.at(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.6g}</text>')
    for axis, at, label in limits:
        path = f"M{x_axis.at(at):.1f} {TOP}V{HEIGHT - BOTTOM}" if axis == "x" else ""
        path = path or f"M{LEFT} {y_axis.at(at):.1f}H{WIDTH - RIGHT}"
        x, y = (x_axis.at(at) - 5, TOP + 10.0) if axis == "x" else (WIDTH - RIGHT - 4.0, y_axis.at(at) - 5)
        parts.append(f'<path class="limit" d="{path}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="end">{escape(label)}</text>')
    for s in series:
        # One path for all points: a dot is a line of no length with round ends.
        end, every = ("", 1) if s.joined else ("h0", 1 + len(s.points) // MAX_POINTS)
        places = [f"{x_axis.at(x):.1f} {y_axis.at(y):.1f}{end}" for x, y in s.points[::every]]
        path = ("L" if s.joined else "M").join(places)
        parts.append(f'<path class="{"line" if s.joined else "dots"} role-{s.role}" d="{f"M{path}" if path else ""}"/>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_title[:60])}</text>'
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(y_title[:60])}'
        "</text></svg>"
    )
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Axis:
    """A linear scale from values to pixels."""

    low: float
    high: float
    start: float
    stop: float

    @staticmethod
    def over(values: Sequence[float], start: float, stop: float) -> _Axis:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        return _Axis(low - room, high + room, start, stop)

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self) -> Iterator[float]:
        """About five round numbers."""
        raw = (self.high - self.low) / 5
        magnitude = 10.0 ** math.floor(math.log10(raw))
        step = next(magnitude * nice for nice in (1, 2, 5, 10) if magnitude * nice >= raw)
        first = math.ceil(self.low / step)
        for i in range(first, first + 12):
            if i * step <= self.high:
                yield round(i * step, 12)
