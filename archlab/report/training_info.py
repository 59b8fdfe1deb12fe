"""A training as data for its page: curves, what was mistaken for what, and the surest mistakes with their images."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archlab.errors import InputError
from archlab.images.open_image import pillow
from archlab.train.labelled_images import LabelledImages, read_one
from archlab.train.metrics import Evaluation
from archlab.train.run import Look

MOST_CLASSES = 20
"""Classes up to which the whole table of confusions is shown."""

MOST_PAIRS = 12
MOST_MISTAKES = 24
MOST_ROWS = 200
"""Classes in the table of classes; those with the lowest share of right ones come first."""

SHADES = 6
SIDE = 96
"""The longest side of a mistake's image."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A class that was mistaken for another: how often, and of how many images of it."""

    true: str
    said: str
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class: its images, and the share of them that are right."""

    name: str
    images: int
    recall: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """An image whose class is wrong.

    Attributes:
        name: of its file.
        true, said: classes.
        sure: the probability of what was said.
        png: the image in base64, as the network gets it before it is normalised; empty where it cannot be shown.
    """

    name: str
    true: str
    said: str
    sure: float
    png: str


def loss_curves(history: Sequence[Look]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the training's and the held-out loss by epoch."""
    training = [(look.epoch, look.loss) for look in history if look.loss is not None and math.isfinite(look.loss)]
    return training, [(look.epoch, look.val_loss) for look in history if math.isfinite(look.val_loss)]


def accuracy_curve(history: Sequence[Look]) -> list[tuple[float, float]]:
    """Return the held-out accuracy, in percent, by epoch."""
    return [(look.epoch, 100 * look.val_accuracy) for look in history]


def pairs(found: Evaluation, classes: Sequence[str]) -> tuple[Pair, ...]:
    """Return the most frequent confusions, the most frequent first."""
    counts = found.confusion.tolist()
    wrong = [
        Pair(classes[i], classes[j], count, sum(row))
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return tuple(sorted(wrong, key=lambda pair: -pair.count)[:MOST_PAIRS])


def class_rows(found: Evaluation, classes: Sequence[str]) -> tuple[ClassRow, ...]:
    """Return the classes that have images, those with the lowest share of right ones first."""
    totals = found.confusion.sum(1).tolist()
    rows = [
        ClassRow(name, count, recall)
        for name, count, recall in zip(classes, totals, found.recall, strict=True)
        if recall is not None
    ]
    return tuple(sorted(rows, key=lambda row: row.recall)[:MOST_ROWS])


def shade(count: int, of: int) -> int:
    """Return the shade of a cell, from 0 for none to ``SHADES`` for all.

    >>> shade(0, 10), shade(1, 100), shade(50, 100), shade(100, 100), shade(0, 0)
    (0, 1, 3, 6, 0)
    """
    return math.ceil(SHADES * count / of) if of else 0


def mistakes(found: Evaluation, part: LabelledImages) -> tuple[Mistake, ...]:
    """Return the surest mistakes on ``part``, the surest first.

    None where some image could not be decoded, and which result belongs to which image is not known.
    """
    if len(found.labels) != len(part):
        return ()
    wrong = (found.labels != found.said).nonzero().flatten().tolist()
    chosen = sorted(wrong, key=lambda i: -found.sure[i].item())[:MOST_MISTAKES]
    return tuple(
        Mistake(
            part.examples[i].name,
            part.classes[int(found.labels[i])],
            part.classes[int(found.said[i])],
            found.sure[i].item(),
            _png(part, i),
        )
        for i in chosen
    )


def _png(part: LabelledImages, index: int) -> str:
    pixels = part.images[index] if part.images is not None else read_one(part, index)[1]
    if isinstance(pixels, str):
        return ""
    try:
        pil = pillow()
    except InputError:
        return ""
    values = np.ascontiguousarray(pixels.clamp(0, 255).byte().permute(1, 2, 0).numpy())
    picture = pil.fromarray(values[..., 0] if values.shape[2] == 1 else values)
    picture.thumbnail((SIDE, SIDE))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()
