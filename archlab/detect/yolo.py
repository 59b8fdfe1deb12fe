"""YOLO annotations: a text file for each image, a line for each box, in shares of the image's sides."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archlab.detect.coco import Annotations, check_annotations
from archlab.detect.image_list import in_folder, listed, sizes
from archlab.detect.yolo_set import YoloSet, read_yolo_set
from archlab.errors import InputError, quote
from archlab.images.inside import Inside
from archlab.reading import read_text

ROUNDING = 1e-5
"""Of a side: what digits that were rounded may carry a box over the image's edge."""

MOST_CLASSES = 2**20

Shares = tuple[float, float, float, float]


def read_yolo(source: Path, part: str) -> Annotations:
    """Return the annotations of a part, ``"train"`` or ``"val"``, of a YOLO data set.

    A line is a class's number and the box's centre, width and height, or the corners of a polygon, whose bounding box
    is taken. Shares are of the image as it is shown, turned by its EXIF orientation, as in Ultralytics. The label file
    of ``…/images/a.jpg`` is ``…/labels/a.txt``, else ``a.txt`` beside it; an image without one is background.

    Args:
        source: as ``archlab.detect.yolo_set.find_yolo`` returned it.

    Raises:
        InputError: a file is missing, broken or leads out of the data's folder; the message has file, line and rule.
    """
    described = read_yolo_set(source)
    images = _images(described, part)
    if not images:
        raise InputError(f"{source}: the part {part} has no images")
    labels = [label_file(image) for image in images]
    there = [os.path.isfile(label) for label in labels]
    if not any(there):
        raise InputError(
            f"{source}: none of the {len(images):,} images of {part} has a label file, such as {labels[0]}",
            hint="labels of …/images/a.jpg are looked for in …/labels/a.txt, and then beside the image",
        )
    inside = Inside(described.root)
    boxes: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    known = len(described.names) if described.names is not None else MOST_CLASSES
    for id, (image, label, has, size) in enumerate(zip(images, labels, there, sizes(images), strict=True), start=1):
        entries.append({"id": id, "file_name": image.name, "width": size[0], "height": size[1]})
        if not has:
            continue
        if not inside.holds(inside.resolved(label)):
            raise InputError(f"{label} is a link that leads out of the data's folder")
        for number, shares in _lines(label, known):
            boxes.append({"id": len(boxes) + 1, "image_id": id, "category_id": number, "bbox": _pixels(shares, *size)})
    names = described.names or tuple(map(str, range(1 + max((box["category_id"] for box in boxes), default=0))))
    data = {
        "images": entries,
        "annotations": boxes,
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }
    return check_annotations(data, source, images)


def label_file(image: Path) -> Path:
    """Return where the boxes of an image are: in ``labels`` beside the last folder ``images``, else beside it.

    >>> label_file(Path("data/images/train/a.jpg")).as_posix()
    'data/labels/train/a.txt'
    """
    parts = image.parts
    at = max((i for i, name in enumerate(parts[:-1]) if name == "images"), default=None)
    if at is not None:
        return Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")
    return image.with_suffix(".txt")


def _images(described: YoloSet, part: str) -> list[Path]:
    inside = Inside(described.root)
    found: list[Path] = []
    for place in described.parts[part]:
        if os.path.isfile(place):
            found += listed(place, list(dict.fromkeys((place.parent, described.root))), inside)
        else:
            found += in_folder(place, inside)
    return list(dict.fromkeys(found))


def _lines(label: Path, classes: int) -> Iterator[tuple[int, Shares]]:
    for number, line in enumerate(read_text(label).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{label}: line {number}"
        words = line.split()
        if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
            raise InputError(
                f"{where}: it has {len(words)} values, not 5: class, centre x and y, width, height",
                hint="or a class and at least three corners x y of a polygon",
            )
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise InputError(f"{where}: {quote(line.strip())} is not all numbers") from None
        if not values[0].is_integer() or not 0 <= values[0] < classes:
            raise InputError(
                f"{where}: the class {quote(words[0])[1:-1]} is not a whole number from 0 to {classes - 1:,}",
                hint="the classes are counted from 0, in the order of names in data.yaml",
            )
        if not all(math.isfinite(value) and -ROUNDING <= value <= 1 + ROUNDING for value in values[1:]):
            raise InputError(
                f"{where}: {quote(' '.join(words[1:]))} is not in shares of the image's sides, 0 to 1",
                hint="divide x and width by the image's width, y and height by its height",
            )
        yield int(values[0]), _box(values[1:])


def _box(values: list[float]) -> Shares:
    """Return x1, y1, x2, y2."""
    if len(values) == 4:
        x, y, w, h = values
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _pixels(shares: Shares, width: int, height: int) -> list[float]:
    """Return x, y, width and height in pixels; what rounding put over the edge, or just before it, is on it."""
    sides = [_snapped(share) * side for share, side in zip(shares, (width, height, width, height), strict=True)]
    return [sides[0], sides[1], max(0.0, sides[2] - sides[0]), max(0.0, sides[3] - sides[1])]


def _snapped(share: float) -> float:
    return float(round(share)) if min(abs(share), abs(share - 1)) <= ROUNDING else share
