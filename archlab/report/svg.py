"""Elements of SVG and HTML, and the axis and frame of every plot that is drawn as SVG.

Escaping happens here and nowhere else: whatever is not already markup is escaped, in text and in attributes, so that
no name from a file can end the place that it stands in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

Point = tuple[float, float]
_SHAPES = {"path", "rect", "circle", "image", "use"}
"""Elements that are closed within their tag when they are empty."""


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return an element with its attributes and children.

    Args:
        name: the element's.
        children: text, which is escaped, or markup, which stands as it is.
        attributes: ``text_anchor`` is written ``text-anchor``, ``class_`` is written ``class``; a value is text or a
            number, of which one digit behind the point is kept.

    >>> element("text", "a < b", x=1.25, class_="label")
    Markup('<text x="1.2" class="label">a &lt; b</text>')
    """
    written = "".join(f' {_attribute(key)}="{escape(_value(value))}"' for key, value in attributes.items())
    if not children and name in _SHAPES:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{''.join(map(escape, children))}</{name}>")


def drawing(size: Point, label: str, *children: str, role: str = "img", **attributes: str | float) -> Markup:
    """Return an ``svg`` element of a width and a height; ``label`` is what a screen reader reads.

    A drawing with links in it has the role of a group: what is in an image cannot be reached.
    """
    box = f"0 0 {number(size[0])} {number(size[1])}"
    return element("svg", *children, **attributes, viewBox=box, role=role, aria_label=label)


def line_through(points: Iterable[Point]) -> str:
    """Return the path from point to point; an empty one for no points.

    >>> line_through([(0, 1), (2.25, 3)])
    'M0 1L2.2 3'
    """
    path = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{path}" if path else ""


def steps(points: Sequence[Point]) -> list[Point]:
    """Return the corners of the line of what is reached: from each point of a front level to the next one's place.

    >>> steps([(1, 5), (2, 7)])
    [(1, 5), (2, 5), (2, 7)]
    """
    corners = list(points[:1])
    for (_, before), (x, y) in pairwise(points):
        corners += [(x, before), (x, y)]
    return corners


def number(value: float) -> str:
    """Return a coordinate with at most one digit behind the point."""
    return f"{value:.1f}".removesuffix(".0")


def shorten(text: str, most: int) -> str:
    """Return ``text``, cut to ``most`` characters with an ellipsis as the last.

    >>> shorten("bottleneck", 5)
    'bott…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def bar(share: float) -> Markup:
    """Return a bar that is filled to a share from 0 to 1; the number must stand beside it, since it has no words."""
    whole = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria_hidden": "true"}
    filled = element("rect", class_="fill", width=max(0.0, min(share, 1.0)) * 100, height=8)
    return element("svg", element("rect", class_="track", width=100, height=8), filled, class_="bar", **whole)


def ratio_bar(ratio: float) -> Markup:
    """Return a bar of a cost beside another's, which a mark stands for; from 1.5 times it on the bar is full."""
    mark = element("path", class_="mark-one", d="M100 0V10")
    whole = element("rect", class_="track", y=1, width=150, height=8)
    filled = element("rect", class_="fill", y=1, width=max(0.0, min(ratio, 1.5)) * 100, height=8)
    box = {"viewBox": "0 0 150 10", "preserveAspectRatio": "none", "aria_hidden": "true"}
    return element("svg", whole, filled, mark, class_="bar ratio", **box)


def key(colour: str, shape: str = "square") -> Markup:
    """Return the square, dot or line of a legend; ``colour`` is a class of the style sheet."""
    drawn = {
        "square": element("rect", class_=colour, width=10, height=10, rx=2),
        "dot": element("circle", class_=colour, cx=5, cy=5, r=4),
        "line": element("path", class_=colour, d="M0 5H10"),
    }[shape]
    return element("svg", drawn, class_="key", viewBox="0 0 10 10", aria_hidden="true")


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear or logarithmic scale: ``low`` lies at the pixel ``start`` and ``high`` at ``stop``."""

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False

    @staticmethod
    def over(values: Iterable[float], start: float, stop: float, is_log: bool = False) -> Axis:
        """Return an axis that has some room on both sides of ``values``, which are positive where it is logarithmic."""
        known = list(values)
        if is_log:
            low, high = (math.log10(min(known)), math.log10(max(known))) if known else (0.0, 1.0)
            room = max((high - low) * 0.06, 0.1)
            return Axis(10 ** (low - room), 10 ** (high + room), start, stop, is_log)
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        return Axis(low - room, high + room, start, stop)

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, here = (math.log10(v) if self.is_log else v for v in (self.low, self.high, value))
        return self.start + (here - low) / (high - low) * (self.stop - self.start)

    def ticks(self, most: int = 6) -> tuple[float, ...]:
        """Return round numbers on the axis, at most about ``most``.

        A logarithmic axis so short that it holds fewer than three of its own has those of a linear one.
        """
        if self.is_log and len(ticks := self._decades(most)) > 2:
            return ticks
        return self._steps(most)

    def _steps(self, most: int) -> tuple[float, ...]:
        """Return multiples of 1, 2 or 5 times a power of ten; at least three."""
        raw = (self.high - self.low) / most
        magnitude = 10.0 ** math.floor(math.log10(raw))
        nice = [magnitude * n for n in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
        coarsest = next(i for i, step in enumerate(nice) if i >= 3 and step >= raw)
        for step in reversed(nice[: coarsest + 1]):
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            if last - first >= 2:
                break
        return tuple(round(i * step, 12) for i in range(first, min(last, first + most) + 1))

    def _decades(self, most: int) -> tuple[float, ...]:
        """Return 1, 2 and 5 times the powers of ten, or where these are too many, powers of ten."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1, 2, 5), (1,)):
            ticks = [step * 10.0**power for power in powers for step in steps]
            ticks = [tick for tick in ticks if self.low <= tick <= self.high]
            if len(ticks) <= most:
                break
        return tuple(ticks[:: math.ceil(len(ticks) / most) or 1])


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture's size, and the margins around the plot in it, in pixels."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float

    @property
    def size(self) -> Point:
        """The picture's width and height."""
        return self.width, self.height

    @property
    def x_ends(self) -> Point:
        """The pixels of the left and the right edge of the plot."""
        return self.left, self.width - self.right

    @property
    def y_ends(self) -> Point:
        """The pixels of the lower and the upper edge of the plot, as an axis that grows upward has them."""
        return self.height - self.bottom, self.top

    def upright(self, x: float) -> str:
        """Return the path of a line from top to bottom at ``x``."""
        return f"M{number(x)} {number(self.top)}V{number(self.height - self.bottom)}"

    def level(self, y: float) -> str:
        """Return the path of a line from left to right at ``y``."""
        return f"M{number(self.left)} {number(y)}H{number(self.width - self.right)}"

    def x_tick(self, x: float, label: str) -> Markup:
        """Return a grid line at ``x`` with its label below."""
        text = element("text", label, x=x, y=self.height - self.bottom + 16, text_anchor="middle")
        return element("path", class_="grid", d=self.upright(x)) + text

    def y_tick(self, y: float, label: str) -> Markup:
        """Return a grid line at ``y`` with its label on the left."""
        text = element("text", label, x=self.left - 8, y=y + 4, text_anchor="end")
        return element("path", class_="grid", d=self.level(y)) + text

    def x_title(self, title: str) -> Markup:
        """Return what the horizontal axis is called, below it."""
        return element("text", title, x=sum(self.x_ends) / 2, y=self.height - 6, text_anchor="middle")

    def y_title(self, title: str) -> Markup:
        """Return what the vertical axis is called, upright beside it."""
        middle = sum(self.y_ends) / 2
        turn = f"rotate(-90 14 {number(middle)})"
        return element("text", title, x=14, y=middle, text_anchor="middle", transform=turn)
