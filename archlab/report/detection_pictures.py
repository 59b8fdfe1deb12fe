"""Validation images with boxes: what is to be seen, and its SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from archlab.report.objectives_and_costs import finite
from archlab.report.svg import drawing, element, shorten
from archlab.search.shown_data import Example

SURE = 0.5
"""Found boxes of a lower score are not drawn, but for the surest where there is no other."""
MAX_JPEG, MAX_SIDE, MAX_BOXES, MAX_LABEL = 80_000, 100_000, 100, 24
COLOURS = 8


@dataclass(frozen=True, slots=True)
class PictureBox:
    """A box in pixels of the picture; ``colour`` is its class's, from 0; ``unsure`` one of a score up to ``SURE``."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    text: str
    score: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class BoxLabel:
    """A line of text: where it begins, its base line, and about how long it is."""

    x: float
    y: float
    length: float
    text: str

    def covers(self, other: BoxLabel, height: float) -> bool:
        """Return whether two lines of ``height`` would lie on each other."""
        apart = self.x + self.length < other.x or other.x + other.length < self.x or abs(self.y - other.y) > height
        return not apart


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with boxes.

    Attributes:
        number: the example's, from 1.
        jpeg: in base64, and nothing else.
        true, found: boxes; of the found those of a score above ``SURE``, else the surest alone.
    """

    number: int
    jpeg: str
    width: int
    height: int
    true: tuple[PictureBox, ...]
    found: tuple[PictureBox, ...] = ()

    @property
    def letter(self) -> float:
        """The height of its labels, in its pixels."""
        return round(max(self.width, self.height) / 30, 2)

    @property
    def found_in_words(self) -> str:
        """How many boxes were found, and how sure the surest is where it is not."""
        if any(box.unsure for box in self.found):
            return f"none found above {f'{SURE:g}'.lstrip('0')}, the surest {self.found[0].score}"
        return f"{len(self.found)} found"

    @property
    def labels(self) -> tuple[BoxLabel, ...]:
        """What stands at the found boxes, the surest first; none covers another, since colours show the class too."""
        placed: list[BoxLabel] = []
        for box in sorted(self.found, key=lambda box: box.score, reverse=True):
            label = self._label(box)
            if not any(label.covers(other, self.letter) for other in placed):
                placed.append(label)
        return tuple(placed)

    def _label(self, box: PictureBox) -> BoxLabel:
        """Return the label above the box, or within the box where it would leave the picture."""
        text = f"{box.text} {box.score}{' unsure' if box.unsure else ''}"
        length = 0.62 * self.letter * len(text)
        x = max(min(box.x, self.width - length), 0.0)
        return BoxLabel(round(x, 1), round(max(box.y - 0.25 * self.letter, self.letter), 1), round(length, 1), text)


def true_picture(number: int, example: Example, classes: Sequence[str]) -> Picture | None:
    """Return the image with its true boxes; None where it cannot be shown."""
    if not _is_jpeg(example.jpeg) or not all(0 < side <= MAX_SIDE for side in (example.width, example.height)):
        return None
    rows = ([*box, label] for box, label in zip(example.boxes, example.labels, strict=False))
    boxes = tuple(_boxes(rows, classes, 1.0))[:MAX_BOXES]
    return Picture(number, example.jpeg, example.width, example.height, boxes)


def found_picture(picture: Picture, found: Any, classes: Sequence[str], size: Sequence[int]) -> Picture:
    """Return ``picture`` with the boxes that a network found in it at an input of ``size`` (height, width).

    Args:
        found: rows of x1, y1, x2, y2, label, score.
    """
    scale = min(size[0] / picture.height, size[1] / picture.width)
    # An image fits its network's input up to a rounded pixel.
    scale = 1.0 if abs(scale - 1) < 1 / min(size) else scale
    rows = found if isinstance(found, list) else []
    scored = [row for row in rows if isinstance(row, list) and len(row) == 6 and finite(row[5]) is not None]
    sure = [row for row in scored if row[5] > SURE]
    boxes = tuple(_boxes(sure, classes, 1 / scale))[:MAX_BOXES]
    if not boxes:
        surest = sorted((row for row in scored if row[5] <= SURE), key=lambda row: -row[5])
        boxes = tuple(replace(box, unsure=True) for box in _boxes(surest, classes, 1 / scale))[:1]
    return replace(picture, found=boxes)


def draw_picture(picture: Picture, place: int, is_found: bool) -> Markup:
    """Return the SVG of a picture.

    Args:
        picture: what to draw.
        place: of the picture in its row, from 1, for its label.
        is_found: whether the found boxes are drawn over the true ones; the image is then the one that the page has of
            the true boxes, so that it holds each image once.
    """
    label = f"Validation image {place}: {len(picture.true)} true boxes"
    if is_found:
        label += f", {picture.found_in_words}"
        image = element("use", href=f"#example-{picture.number}")
    else:
        image = element(
            "image",
            id=f"example-{picture.number}",
            width=picture.width,
            height=picture.height,
            preserveAspectRatio="none",
            href=f"data:image/jpeg;base64,{picture.jpeg}",
        )
    return drawing(
        (picture.width, picture.height),
        label,
        image,
        *(_outline(box, "true" if is_found else _class_of(box)) for box in picture.true),
        *(
            element("g", element("title", f"{box.text} {box.score}"), _outline(box, _class_of(box)))
            for box in picture.found
        ),
        *(element("text", line.text, x=line.x, y=line.y, font_size=picture.letter) for line in picture.labels),
    )


def _class_of(box: PictureBox) -> str:
    return f"class block-{box.colour}{' unsure' if box.unsure else ''}"


def _outline(box: PictureBox, kind: str) -> Markup:
    """Return a box over its own shade, so that it stands out on any image."""
    return Markup("").join(
        element("rect", class_=name, x=box.x, y=box.y, width=box.width, height=box.height) for name in ("shade", kind)
    )


def _boxes(rows: Iterable[Sequence[Any]], classes: Sequence[str], scale: float) -> Iterable[PictureBox]:
    for row in rows:
        sides = [finite(side) for side in row[:4]]
        label = row[4] if len(row) > 4 else None
        if any(side is None or abs(side) > MAX_SIDE for side in sides) or not isinstance(label, int):
            continue
        if not 1 <= label <= len(classes):
            continue
        x1, y1, x2, y2 = (round((side or 0.0) * scale, 1) for side in sides)
        name = classes[label - 1]
        text = shorten(name, MAX_LABEL)
        score = f"{row[5]:.2f}".lstrip("0") if len(row) > 5 else ""
        width, height = round(max(x2 - x1, 0.0), 1), round(max(y2 - y1, 0.0), 1)
        yield PictureBox(x1, y1, width, height, min(label, COLOURS) - 1, text, score)


def _is_jpeg(text: str) -> bool:
    """Return whether a text is the base64 of what begins as a JPEG does."""
    return len(text) <= MAX_JPEG and re.fullmatch(r"/9j/[A-Za-z0-9+/]+={0,2}", text) is not None
