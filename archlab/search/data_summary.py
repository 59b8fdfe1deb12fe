"""Detection data as a search's result keeps it: counts, and a few validation images small enough for its report."""

from __future__ import annotations

import base64
import io
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.detect.data_source import Source
from archlab.search.detection_objective import EXAMPLES
from archlab.search.shown_data import DataPart, DataSummary, Example

if TYPE_CHECKING:
    from archlab.detect.dataset import DetectionData

LONGER_SIDE, QUALITY = 320, 70
"""Of a picture, in pixels at most; of its JPEG."""

MOST_BOXES = 1000
"""True boxes that are kept of a picture, the first; its report draws fewer."""


def summarize_data(source: Source, size: tuple[int, int]) -> DataSummary:
    """Return what the report of a search shows of its data, read at ``size`` (height, width).

    Raises:
        InputError: as ``archlab.detect.load.read_source``.
    """
    from archlab.detect.load import read_source

    training, validation = read_source(source, size)
    # Halves of one file have that file's count both.
    parts = (training,) if source.val is None else (training, validation)
    left_out = sum((Counter(part.left_out) for part in parts), Counter[str]())
    names = _names(source)
    return DataSummary(
        training.classes,
        size,
        _part(names[0], training),
        _part(names[1], validation),
        dict(left_out),
        tuple(_example(validation, i) for i in range(min(EXAMPLES, len(validation)))),
    )


def _names(source: Source) -> tuple[str, str]:
    if source.train is None:
        return f"drawn shapes, seed {source.seed}", f"drawn shapes, seed {source.seed + 1}"
    train = _name(source.train)
    return train, _name(source.val) if source.val is not None else f"{train}, drawn randomly with seed {source.seed}"


def _name(path: Path) -> str:
    """Return the file with its folder: enough to recognise the data, and nothing about the machine."""
    return "/".join(part for part in path.parts[-2:] if part != path.anchor)


def _part(name: str, data: DetectionData) -> DataPart:
    labels = Counter(label for image in data.labels for label in image.tolist())
    return DataPart(name, len(data), {name: labels[i] for i, name in enumerate(data.classes, start=1)})


def _example(data: DetectionData, i: int) -> Example:
    from PIL import Image

    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in data.truth["images"]}
    # Without the black beside and below it that makes all images one size.
    width, height = (max(1, round(side * data.scales[i])) for side in sizes[data.image_ids[i]])
    picture = Image.fromarray(data.images[i][:, :height, :width].permute(1, 2, 0).contiguous().numpy())
    picture.thumbnail((LONGER_SIDE, LONGER_SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    boxes = tuple(tuple(round(side, 1) for side in box) for box in data.boxes[i][:MOST_BOXES].tolist())
    labels = tuple(data.labels[i][:MOST_BOXES].tolist())
    return Example(base64.b64encode(file.getvalue()).decode(), width, height, boxes, labels)
