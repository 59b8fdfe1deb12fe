"""Where the names of a plot's marks stand, so that none lies on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archlab.report.svg import Frame, Point

Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom."""

_LINE, _BASE = 15, 4
_MARK = 4.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A circle of a plot, in pixels, and the name that is to stand beside it."""

    x: float
    y: float
    r: float
    name: str

    @property
    def box(self) -> Rectangle:
        """The square around the circle."""
        return self.x - self.r, self.y - self.r, self.x + self.r, self.y + self.r


@dataclass(frozen=True, slots=True)
class Label:
    """A name with its place: ``anchor`` is what of it stands at ``x``, ``y`` is its base line."""

    name: str
    x: float
    y: float
    anchor: str

    def box(self, letter: float) -> Rectangle:
        """Return what the name covers, with letters of such a width."""
        width = letter * len(self.name)
        left = {"start": self.x, "middle": self.x - width / 2, "end": self.x - width}[self.anchor]
        return left, self.y - _LINE + _BASE, left + width, self.y + _BASE


def place_labels(marks: Sequence[Mark], frame: Frame, letter: float, line: Sequence[Point] = ()) -> tuple[Label, ...]:
    """Return a place for each name beside its mark, where it covers the least of marks and line; none lies on another.

    A name for which there is no such place is left out, and so is an empty one.

    Args:
        letter: a letter's width, in pixels; rather too large than too small.
        line: corners of a line of level and upright parts.
    """
    middles = [(m.x - _MARK, m.y - _MARK, m.x + _MARK, m.y + _MARK) for m in marks]
    middles += [
        (min(x, to_x) - 2, min(y, to_y) - 2, max(x, to_x) + 2, max(y, to_y) + 2)
        for (x, y), (to_x, to_y) in pairwise(line)
    ]
    labels: list[Label] = []
    taken: list[Rectangle] = []
    for mark in sorted((m for m in marks if m.name), key=lambda m: (m.x, m.y)):
        costs = {}
        for i, label in enumerate(_places(mark)):
            box = label.box(letter)
            if _outside(box, frame) or any(_overlap(box, other) for other in taken):
                continue
            covered = sum(_overlap(box, middle) for middle in middles)
            covered += sum(0.3 * _overlap(box, m.box) for m in marks if m is not mark)
            costs[label] = covered + _farther(i)
        if costs:
            labels.append(min(costs, key=lambda label: costs[label]))
            taken.append(labels[-1].box(letter))
    return tuple(labels)


def _places(mark: Mark) -> list[Label]:
    gap = mark.r + 5
    near = (
        (gap, 4, "start"), (-gap, 4, "end"), (0, -gap, "middle"), (0, gap + 10, "middle"),
        (gap * 0.8, -gap * 0.7, "start"), (gap * 0.8, gap * 0.7 + 8, "start"),
        (-gap * 0.8, -gap * 0.7, "end"), (-gap * 0.8, gap * 0.7 + 8, "end"),
        (gap, -gap - 8, "start"), (gap, gap + 20, "start"), (-gap, gap + 20, "end"), (-gap, -gap - 8, "end"),
    )  # fmt: skip
    return [Label(mark.name, mark.x + dx, mark.y + dy, anchor) for dx, dy, anchor in near]


def _farther(place: int) -> float:
    """Return what a place further from the mark costs, in the area that it would have to cover less."""
    return 0.0 if place < 4 else 20.0 if place < 8 else 120.0


def _overlap(a: Rectangle, b: Rectangle) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: Rectangle, frame: Frame) -> bool:
    return box[0] < frame.left or box[2] > frame.width or box[1] < frame.top or box[3] > frame.height - frame.bottom
