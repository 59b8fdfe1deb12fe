"""A chart of networks as plain SVG: MACs along, accuracy up, parameters as area; every circle leads to its network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from archlab.units import format_count

WIDTH, HEIGHT = 1160, 560
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 20, 48
RADIUS_PER_ROOT = 26 / math.sqrt(25e6)
"""Pixels of radius for the root of a parameter: 25 M have 26."""
LEAST_RADIUS = 4.0
_LETTER, _LINE = 6.6, 15
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bubble:
    """A network: where its circle leads, its MACs, parameters and top-1 in percent."""

    name: str
    link: str
    macs: int
    params: int
    top1: float


@dataclass(frozen=True, slots=True)
class _Placed:
    bubble: Bubble
    x: float
    y: float
    r: float

    @property
    def box(self) -> Box:
        return self.x - self.r, self.y - self.r, self.x + self.r, self.y + self.r


def bubble_chart(bubbles: Sequence[Bubble]) -> str:
    """The chart as SVG; on the line are the networks that none beats in both MACs and accuracy."""
    if not bubbles:
        return ""
    low, high = math.log(min(b.macs for b in bubbles) / 1.5), math.log(max(b.macs for b in bubbles) * 1.5)
    bottom, top = math.floor(min(b.top1 for b in bubbles)) - 2, math.ceil(max(b.top1 for b in bubbles)) + 2

    def x_of(macs: float) -> float:
        return LEFT + (math.log(macs) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y_of(top1: float) -> float:
        return HEIGHT - BOTTOM - (top1 - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg class="bubbles" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{len(bubbles)} networks:'
        ' ImageNet top-1 against MACs, area by parameters; the table below has the numbers">'
    ]
    for tick in _log_ticks(math.exp(low), math.exp(high)):
        x = x_of(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_count(tick)}</text>')
    for percent in range(-(-bottom // 5) * 5, top + 1, 5):
        y = y_of(percent)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    placed = [
        _Placed(b, x_of(b.macs), y_of(b.top1), max(LEAST_RADIUS, RADIUS_PER_ROOT * math.sqrt(b.params)))
        for b in sorted(bubbles, key=lambda b: -b.params)
    ]
    front = [p for p in placed if not any(_beats(q.bubble, p.bubble) for q in placed)]
    line = "L".join(f"{p.x:.1f} {p.y:.1f}" for p in sorted(front, key=lambda p: p.x))
    parts.append(f'<path class="front" d="M{line}"/>')
    best = {p.bubble.name for p in front}
    for p in placed:
        b = p.bubble
        words = f"{b.name}: {b.top1:g} % top-1, {format_count(b.macs)} MACs, {format_count(b.params)} parameters"
        kind = " best" if b.name in best else ""
        parts.append(
            f'<a href="{escape(b.link)}"><circle class="bubble{kind}" cx="{p.x:.1f}" cy="{p.y:.1f}" r="{p.r:.1f}">'
            f"<title>{escape(words)}</title></circle></a>"
        )
    parts += [
        f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
        for name, x, y, anchor in _labels(placed)
    ]
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">MACs for one image,'
        " logarithmic</text>"
        f'<text x="14" y="{(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle"'
        f' transform="rotate(-90 14 {(TOP + HEIGHT - BOTTOM) / 2})">ImageNet top-1</text></svg>'
    )
    return "".join(parts)


def _beats(a: Bubble, b: Bubble) -> bool:
    """Whether ``a`` is at least as good as ``b`` in MACs and accuracy, and better in one."""
    return a.macs <= b.macs and a.top1 >= b.top1 and (a.macs, a.top1) != (b.macs, b.top1)


def _log_ticks(low: float, high: float) -> Iterator[float]:
    decade = 10.0 ** math.floor(math.log10(low))
    while decade <= high:
        yield from (decade * step for step in (1, 2, 5) if low <= decade * step <= high)
        decade *= 10


def _count(value: float) -> str:
    return f"{value / 1e9:g} G" if value >= 1e9 else f"{value / 1e6:g} M"


def _labels(placed: Sequence[_Placed]) -> Iterator[tuple[str, float, float, str]]:
    """A place for each name beside its circle, where it covers the least of other names and circles' middles."""
    taken: list[Box] = [(p.x - 4, p.y - 4, p.x + 4, p.y + 4) for p in placed]
    for p in sorted(placed, key=lambda p: (p.x, p.y)):
        width = _LETTER * len(p.bubble.name)
        gap = p.r + 5
        places: list[tuple[float, float, str]] = [
            (p.x + dx, p.y + dy, anchor)
            for dx, dy, anchor in (
                (gap, 4, "start"), (-gap, 4, "end"), (0, -gap, "middle"), (0, gap + 10, "middle"),
                (gap * 0.8, -gap * 0.7, "start"), (gap * 0.8, gap * 0.7 + 8, "start"),
                (-gap * 0.8, -gap * 0.7, "end"), (-gap * 0.8, gap * 0.7 + 8, "end"),
                (gap, -gap - 8, "start"), (gap, gap + 20, "start"), (-gap, gap + 20, "end"), (-gap, -gap - 8, "end"),
            )
        ]  # fmt: skip
        boxes = [_box(x, y, anchor, width) for x, y, anchor in places]
        costs = [
            sum(_overlap(box, other) for other in taken)
            + sum(0.3 * _overlap(box, q.box) for q in placed if q is not p)
            + _outside(box)
            + _farther(i)
            for i, box in enumerate(boxes)
        ]
        best = costs.index(min(costs))
        taken.append(boxes[best])
        yield (p.bubble.name, *places[best])


def _farther(place: int) -> float:
    """What a place further from the circle costs, in the area that it would have to cover less."""
    return 0.0 if place < 4 else 20.0 if place < 8 else 120.0


def _box(x: float, y: float, anchor: str, width: float) -> Box:
    left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
    return left, y - _LINE + 4, left + width, y + 4


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: Box) -> float:
    """How far a box leaves the chart, as an area that outweighs any overlap."""
    return 1000 * (max(0.0, LEFT - box[0]) + max(0.0, box[2] - WIDTH) + max(0.0, TOP - box[1]))
