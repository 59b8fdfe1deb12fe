"""What a detection data set holds and what is odd about it, found without decoding an image. No torch."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archlab.detect.box_sizes import BoxAtInput, Levels, boxes_at_input, level_counts, size_remarks
from archlab.detect.coco import Annotations, Labelled
from archlab.detect.data_formats import format_of, formats_of
from archlab.detect.data_source import Source, odd_of
from archlab.errors import InputError, printable

SMALL, MEDIUM = 32**2, 96**2
"""COCO's areas: small below the first, large from the second on, in pixels of the image on disk."""

MOST_NAMED = 5
"""Images that a sentence names."""


@dataclass(frozen=True, slots=True)
class ClassCheck:
    """A class.

    Attributes:
        name: as in the data.
        boxes: how many training takes.
        images: that have one.
        small, medium, large: boxes by COCO's areas.
        below_a_pixel: boxes with such a side at the input.
        median_side: of the boxes' sides, the square roots of their areas, in pixels of the input; None without boxes.
    """

    name: str
    boxes: int
    images: int
    small: int
    medium: int
    large: int
    below_a_pixel: int
    median_side: float | None


@dataclass(frozen=True, slots=True)
class PartCheck:
    """A part of a data set.

    Attributes:
        name: train or val.
        source: the file or folder that stands for it.
        format: as ``archlab.detect.data_formats.DATA_FORMATS`` names it.
        images: how many there are, and how many ``without_a_box``.
        smallest, largest: width and height on disk, by area.
        different_sizes: how many there are.
        classes: each with its boxes.
        levels: how many boxes each level reads, the finest first.
    """

    name: str
    source: str
    format: str
    images: int
    without_a_box: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    different_sizes: int
    classes: tuple[ClassCheck, ...]
    levels: dict[str, int]


@dataclass(frozen=True, slots=True)
class DataCheck:
    """A data set at an input of ``size`` (height, width): its parts, and a sentence for everything odd."""

    size: tuple[int, int]
    parts: tuple[PartCheck, ...]
    odd: tuple[str, ...]


def check_data(path: Path, source: Source, size: tuple[int, int], levels: Levels) -> DataCheck:
    """Return what the data at ``path``, found as ``source``, holds at a network's input of ``size`` (height, width).

    Raises:
        InputError: the annotations are refused, as ``Source.annotations``; images that are refused are odd.
    """
    train, val = source.annotations()
    named = [("train", train)] + ([("val", val)] if val is not None else [])
    odd = [*odd_of(source)]
    others = sorted({row.name for row, _ in formats_of(path)[1:]} - {format_of(path)[0].name})
    if others:
        odd.append(f"{path} holds {' and '.join(others)} data too: name its file or folder to read that")
    if val is None:
        odd.append("no validation data: a fifth of the images, chosen randomly by --seed, validates")
    odd += [f"train: {sentence}" for sentence in size_remarks(train, size, levels)]
    for name, part in named:
        if not any(image.boxes for image in part.images):
            odd.append(f"{name}: no image has a box that can be trained on: label some, or choose other classes")
        odd += [f"{name}: {sentence}" for sentence in _odd_images(part)]
    if val is not None:
        odd += _in_both(train, val)
    return DataCheck(size, tuple(_part(name, part, size, levels) for name, part in named), tuple(odd))


def _part(name: str, part: Annotations, size: tuple[int, int], levels: Levels) -> PartCheck:
    sizes = [(entry["width"], entry["height"]) for entry in part.truth["images"]]
    boxes: dict[int, list[BoxAtInput]] = {label: [] for label in range(1, len(part.classes) + 1)}
    for box in boxes_at_input(part, size):
        boxes[box.label].append(box)
    having = Counter(label for image in part.images for label in set(image.labels))
    return PartCheck(
        name,
        str(part.source),
        format_of(part.source)[0].name,
        len(part.images),
        sum(not image.boxes for image in part.images),
        min(sizes, key=lambda each: each[0] * each[1]),
        max(sizes, key=lambda each: each[0] * each[1]),
        len(set(sizes)),
        tuple(_class(part.classes[label - 1], own, having[label]) for label, own in boxes.items()),
        level_counts(part, size, levels),
    )


def _class(name: str, boxes: Sequence[BoxAtInput], images: int) -> ClassCheck:
    small = sum(box.area < SMALL for box in boxes)
    large = sum(box.area >= MEDIUM for box in boxes)
    return ClassCheck(
        name,
        len(boxes),
        images,
        small,
        len(boxes) - small - large,
        large,
        sum(box.is_tiny for box in boxes),
        statistics.median(box.side for box in boxes) if boxes else None,
    )


def _odd_images(part: Annotations) -> Iterator[str]:
    from archlab.images.image_files import check_image, is_turned
    from archlab.images.open_image import without_size_warnings

    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in part.truth["images"]}
    turned, twice = [], []
    with without_size_warnings():
        for image in part.images:
            try:
                check_image(image.path, sizes[image.id])
                if is_turned(image.path):
                    turned.append(image)
            except InputError as error:
                yield error.one_line
            if len(set(zip(image.boxes, image.labels, strict=True))) < len(image.boxes):
                twice.append(image)
    if turned:
        yield f"{_names(turned)} an EXIF orientation: boxes are taken as those of the image as it is shown"
    if twice:
        yield f"{_names(twice)} the same box of the same class more than once"


def _names(images: Sequence[Labelled]) -> str:
    names = ", ".join(printable(image.path.name) for image in images[:MOST_NAMED])
    more = ", …" if len(images) > MOST_NAMED else ""
    return f"{len(images):,} {'image has' if len(images) == 1 else 'images have'} ({names}{more})"


def _in_both(train: Annotations, val: Annotations) -> Iterator[str]:
    """Yield a sentence on images that train and validate, found by their content."""
    lengths = {_length(image) for image in train.images} & {_length(image) for image in val.images}
    seen = {_content(image) for image in train.images if _length(image) in lengths}
    both = [image for image in val.images if _length(image) in lengths and _content(image) in seen]
    if both:
        yield f"val: {_names(both)} a twin among the training images: AP on them says little"


def _length(image: Labelled) -> int:
    return image.path.stat().st_size


def _content(image: Labelled) -> bytes:
    with image.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
