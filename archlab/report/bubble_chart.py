"""A chart of networks as plain SVG: MACs along, accuracy up, parameters as area; every circle leads to its network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.report.svg import Axis, Frame, drawing, element, line_through
from archlab.units import format_count

_ROOT = math.sqrt(25e6)
LEAST_RADIUS = 4.0
_LETTER, _LINE = 6.6, 15
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ChartSize:
    """How large a chart is, and what there is room for.

    Attributes:
        frame: the picture and its margins.
        radius: of a network of 25 M parameters, in pixels.
        ticks: the most ticks along x and along y.
        numbered: whether circles have numbers in place of names.
        class_: of the style sheet, which shows one of the sizes.
    """

    frame: Frame
    radius: float
    ticks: tuple[int, int]
    numbered: bool
    class_: str


WIDE = ChartSize(Frame(1160, 560, left=58, right=32, top=20, bottom=48), 26, (12, 8), False, "wide-chart")
NARROW = ChartSize(Frame(340, 420, left=64, right=28, top=12, bottom=46), 15, (5, 8), True, "narrow-chart")
"""For a telephone: drawn about as large as it is shown, so that its words can be read."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """A network: its number in the table, where its circle leads, its MACs, parameters and top-1 in percent."""

    number: int
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
    def box(self) -> Rectangle:
        return self.x - self.r, self.y - self.r, self.x + self.r, self.y + self.r


def bubble_chart(bubbles: Sequence[Bubble], size: ChartSize = WIDE) -> Markup:
    """Return the chart as SVG; on the line are the networks that none beats in both MACs and accuracy."""
    if not bubbles:
        return Markup()
    frame = size.frame
    x_axis = Axis.over([b.macs for b in bubbles], *frame.x_ends, is_log=True)
    least, most = (limit(b.top1 for b in bubbles) for limit in (min, max))
    y_axis = Axis(math.floor(least) - 2, math.ceil(most) + 2, *frame.y_ends)
    placed = [
        _Placed(b, x_axis.at(b.macs), y_axis.at(b.top1), max(LEAST_RADIUS, size.radius * math.sqrt(b.params) / _ROOT))
        for b in sorted(bubbles, key=lambda b: -b.params)
    ]
    front = [p for p in placed if not any(_beats(q.bubble, p.bubble) for q in placed)]
    line = line_through((p.x, p.y) for p in sorted(front, key=lambda p: p.x))
    label = f"{len(bubbles)} networks: ImageNet top-1 against MACs, area by parameters; the table below has the numbers"
    return drawing(
        frame.size,
        label,
        *(frame.x_tick(x_axis.at(tick), _count(tick)) for tick in x_axis.ticks(size.ticks[0])),
        *(frame.y_tick(y_axis.at(tick), f"{tick:g} %") for tick in y_axis.ticks(size.ticks[1])),
        element("path", class_="front", d=line),
        *(_circle(p, p in front) for p in placed),
        *(
            element("text", name, class_="label", x=x, y=y, text_anchor=anchor)
            for name, x, y, anchor in _labels(placed, size)
        ),
        frame.x_title("MACs per image, logarithmic"),
        frame.y_title("ImageNet top-1"),
        class_=f"chart bubbles {size.class_}",
        role="group",
    )


def _circle(placed: _Placed, is_best: bool) -> Markup:
    b = placed.bubble
    words = f"{b.name}: {b.top1:g} % top-1, {format_count(b.macs)} MACs, {format_count(b.params)} parameters"
    kind = "bubble best" if is_best else "bubble"
    circle = element("circle", element("title", words), class_=kind, cx=placed.x, cy=placed.y, r=placed.r)
    return element("a", circle, href=b.link)


def _beats(a: Bubble, b: Bubble) -> bool:
    """Return whether ``a`` is at least as good as ``b`` in MACs and accuracy, and better in one."""
    return a.macs <= b.macs and a.top1 >= b.top1 and (a.macs, a.top1) != (b.macs, b.top1)


def _count(value: float) -> str:
    return f"{value / 1e9:g} G" if value >= 1e9 else f"{value / 1e6:g} M"


def _labels(placed: Sequence[_Placed], size: ChartSize) -> Iterator[tuple[str, float, float, str]]:
    """Return a place for each name beside its circle, where it covers the least of other names and circles' middles."""
    taken: list[Rectangle] = [(p.x - 4, p.y - 4, p.x + 4, p.y + 4) for p in placed]
    for p in sorted(placed, key=lambda p: (p.x, p.y)):
        label = str(p.bubble.number) if size.numbered else p.bubble.name
        width = _LETTER * len(label)
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
            + _outside(box, size.frame)
            + _farther(i)
            for i, box in enumerate(boxes)
        ]
        best = costs.index(min(costs))
        taken.append(boxes[best])
        yield (label, *places[best])


def _farther(place: int) -> float:
    """Return what a place further from the circle costs, in the area that it would have to cover less."""
    return 0.0 if place < 4 else 20.0 if place < 8 else 120.0


def _box(x: float, y: float, anchor: str, width: float) -> Rectangle:
    left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
    return left, y - _LINE + 4, left + width, y + 4


def _overlap(a: Rectangle, b: Rectangle) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: Rectangle, frame: Frame) -> float:
    """Return how far a box leaves the chart, as an area that outweighs any overlap."""
    return 1000 * (max(0.0, frame.left - box[0]) + max(0.0, box[2] - frame.width) + max(0.0, frame.top - box[1]))
