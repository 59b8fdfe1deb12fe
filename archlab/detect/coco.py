"""COCO-format annotations: read, checked, and every odd thing in them handled or refused by name.

Imports neither torch nor Pillow: reading a file of annotations is quick, and its errors come first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from archlab.detect.image_paths import image_paths
from archlab.errors import InputError
from archlab.reading import read_json

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the image as it is on disk."""

MAX_BYTES = 2 * 2**30
"""The largest file that is read; COCO's own training file has 470 million bytes."""
LARGEST = 2**63 - 1
"""JSON's whole numbers have no end; numpy's and torch's have."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image of a data set, as its annotations describe it.

    Attributes:
        id: its id in the file.
        path: the image's file.
        boxes: what a detector is trained on: inside the image, of some area, no crowds.
        labels: each box's class, from 1 as in the order of the file's categories; 0 is the background.
    """

    id: int
    path: Path
    boxes: tuple[Box, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Annotations:
    """A COCO-format file.

    Attributes:
        source: the file.
        classes: names, in the order of the categories' ids; a name that several have, with the id behind it.
        category_ids: the file's id of each class.
        images: all of its images, those without a box included.
        left_out: how many boxes training leaves out or changes, by what is wrong with them.
        truth: the file's own images, annotations and categories, for pycocotools.
    """

    source: Path
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[Labelled, ...]
    left_out: Mapping[str, int]
    truth: Mapping[str, Any]


def read_annotations(source: Path) -> Annotations:
    """Return the annotations in the JSON file ``source``, with the images beside it.

    Training takes boxes as follows: crowds and boxes without an area are left out, boxes that reach out of the image
    are cut at its edge, and images without a box stay, as background. Evaluation is given the file's own annotations
    and treats them as pycocotools does: crowds are ignored regions, and a box without an area can only be missed.

    Images are looked for beside the file, in ``images/`` beside it or beside its folder, and in a folder named as the
    file is (``instances_val2017.json``: ``val2017/``).

    Raises:
        InputError: the file is missing, no COCO-format JSON, contradicts itself, or names an image that is not there,
            or that its name or a link leads to out of the folder; the message names the file and the entry.
    """
    try:
        status = source.stat()
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from error
    return _read(source, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _read(source: Path, _changed: int, _bytes: int) -> Annotations:
    """Read once, unless the file was written to in between: a search asks for its classes, its faults and its boxes."""
    return check_annotations(_load(source), source)


def check_annotations(data: Mapping[str, Any], source: Path, paths: Sequence[Path] | None = None) -> Annotations:
    """Return the annotations of ``data``, what a COCO-format file holds; readers of other formats make it first.

    Args:
        paths: the file of each image, where a reader has found them; else they are looked for beside ``source``.

    Raises:
        InputError: as ``read_annotations``; the message names ``source`` and the entry.
    """
    categories = sorted(_entries(data, "categories", source), key=lambda c: _integer(c, "id", "category", source))
    category_ids = tuple(c["id"] for c in categories)
    if len(set(category_ids)) != len(category_ids):
        raise InputError(f"{source}: two categories have the same id")
    if not categories:
        raise InputError(f"{source}: it has no categories")
    label_of = {id: i for i, id in enumerate(category_ids, start=1)}
    entries = _entries(data, "images", source)
    if not entries:
        raise InputError(f"{source}: it has no images")
    sizes = {}
    for entry in entries:
        id = _integer(entry, "id", "image", source)
        if id in sizes:
            raise InputError(f"{source}: two images have the id {id}")
        sizes[id] = tuple(_integer(entry, key, f"image {id}", source, least=1) for key in ("width", "height"))
    paths = image_paths(source, entries) if paths is None else paths
    boxes: dict[int, list[tuple[Box, int]]] = {id: [] for id in sizes}
    left_out: Counter[str] = Counter()
    annotations = []
    for number, entry in enumerate(_entries(data, "annotations", source)):
        annotation = _annotation(entry, number, sizes, label_of, source)
        annotations.append(annotation)
        kind, box = _trained_box(annotation, *sizes[annotation["image_id"]])
        if kind:
            left_out[kind] += 1
        if box:
            boxes[annotation["image_id"]].append((box, label_of[annotation["category_id"]]))
    images = tuple(
        Labelled(
            id,
            path,
            tuple(box for box, _ in boxes[id]),
            tuple(label for _, label in boxes[id]),
        )
        for id, path in zip(sizes, paths, strict=True)
    )
    truth = {
        "images": [{"id": id, "width": w, "height": h} for id, (w, h) in sizes.items()],
        "annotations": annotations,
        "categories": _named(categories),
    }
    names = tuple(c["name"] for c in truth["categories"])
    return Annotations(source, names, category_ids, images, dict(left_out), truth)


def _named(categories: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return ids and names of the categories; those that share a name get their id behind it."""
    names = [str(c.get("name", c["id"])) for c in categories]
    times = Counter(names)
    return [
        {"id": c["id"], "name": name if times[name] == 1 else f"{name} ({c['id']})"}
        for c, name in zip(categories, names, strict=True)
    ]


def _load(source: Path) -> dict[str, Any]:
    data: dict[str, Any] = read_json(source, object, MAX_BYTES)
    if not isinstance(data, dict) or not {"images", "annotations", "categories"} <= set(data):
        raise InputError(
            f"{source} is not in COCO format", hint="it needs the lists images, annotations and categories"
        )
    return data


def _entries(data: Mapping[str, Any], name: str, source: Path) -> list[dict[str, Any]]:
    entries = data[name]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{source}: {name} is not a list of objects")
    return entries


def _integer(entry: Mapping[str, Any], key: str, what: str, source: Path, least: int | None = None) -> int:
    value = entry.get(key)
    if type(value) is not int or not (-LARGEST if least is None else least) <= value <= LARGEST:
        rule = "a whole number of 64 bits" + (" above 0" if least else "")
        raise InputError(f"{source}: {what}: {key} is {repr(value)[:60]}, not {rule}")
    return value


def _annotation(
    entry: dict[str, Any], number: int, sizes: Mapping[int, Any], label_of: Mapping[int, int], source: Path
) -> dict[str, Any]:
    """Check an annotation, and return it with all that pycocotools reads of a box."""
    id = entry.get("id")
    what = f"annotation {id if isinstance(id, int) and abs(id) <= LARGEST else f'number {number}'}"
    image, category = (_integer(entry, key, what, source) for key in ("image_id", "category_id"))
    if image not in sizes:
        raise InputError(f"{source}: {what}: there is no image {image}")
    if category not in label_of:
        raise InputError(f"{source}: {what}: there is no category {category}")
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(side) for side in box) or min(box[2:]) < 0:
        raise InputError(f"{source}: {what}: bbox is {str(box)[:60]}, not [x, y, width, height]")
    box = [float(side) for side in box]
    area = entry.get("area")
    return {
        "id": number + 1,
        "image_id": image,
        "category_id": category,
        "bbox": box,
        "area": float(area) if isinstance(area, int | float) and _is_number(area) else box[2] * box[3],
        "iscrowd": int(bool(entry.get("iscrowd"))),
    }


def _is_number(value: object) -> bool:
    """Return whether ``value`` is finite as a float; a whole number that is too large for one is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _trained_box(annotation: Mapping[str, Any], width: int, height: int) -> tuple[str | None, Box | None]:
    """Return what is odd about a box, and the box that training takes, if any."""
    x, y, w, h = annotation["bbox"]
    if annotation["iscrowd"]:
        return "crowd", None
    if w == 0 or h == 0:
        return "no area", None
    x1, x2 = (min(max(side, 0.0), width) for side in (x, x + w))
    y1, y2 = (min(max(side, 0.0), height) for side in (y, y + h))
    if x1 >= x2 or y1 >= y2:
        return "outside the image", None
    cut = (x1, y1, x2, y2) != (x, y, x + w, y + h)
    return "cut at the image's edge" if cut else None, (x1, y1, x2, y2)
