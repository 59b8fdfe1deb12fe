"""A chart of networks as plain SVG: MACs along, accuracy up, parameters as area; every circle leads to its network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.report.label_places import Mark, place_labels
from archlab.report.svg import Axis, Frame, drawing, element, line_through, steps
from archlab.units import format_count, format_tick

_ROOT = math.sqrt(25e6)
LEAST_RADIUS = 4.0
_LETTER = 6.6


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
    corners = steps([(p.x, p.y) for p in sorted(front, key=lambda p: p.x)])
    names = [Mark(p.x, p.y, p.r, str(p.bubble.number) if size.numbered else p.bubble.name) for p in placed]
    label = f"{len(bubbles)} networks: ImageNet top-1 against MACs, area by parameters; the table below has the numbers"
    return drawing(
        frame.size,
        label,
        *(frame.x_tick(x_axis.at(tick), format_tick(tick)) for tick in x_axis.ticks(size.ticks[0])),
        *(frame.y_tick(y_axis.at(tick), f"{tick:g} %") for tick in y_axis.ticks(size.ticks[1])),
        element("path", class_="front", d=line_through(corners)),
        *(_circle(p, p in front) for p in placed),
        *(
            element("text", label.name, class_="label", x=label.x, y=label.y, text_anchor=label.anchor)
            for label in place_labels(names, frame, _LETTER, corners)
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
