"""The detection data of a search as its result keeps them for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataPart:
    """Training or validation data: where it is from, how many images, and how many boxes by class."""

    source: str
    images: int
    boxes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Example:
    """A validation image as networks see it.

    Attributes:
        jpeg: in base64; ``width`` and ``height`` are the pixels in which boxes are given, not the file's.
        boxes: true ones, x1, y1, x2, y2 each.
        labels: of each box, from 1 on, as ``DataSummary.classes`` has them.
    """

    jpeg: str
    width: int
    height: int
    boxes: tuple[tuple[float, ...], ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The detection data of a search, as far as its report shows it.

    Attributes:
        classes: names; label 1 is the first.
        size: height and width at which networks saw the images.
        left_out: how many boxes training left out or changed, by what is wrong with them.
        examples: the first validation images, in the order of a trained network's ``found``.
    """

    classes: tuple[str, ...]
    size: tuple[int, ...]
    training: DataPart
    validation: DataPart
    left_out: dict[str, int]
    examples: tuple[Example, ...]
