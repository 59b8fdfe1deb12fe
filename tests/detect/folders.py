"""COCO-format folders made for a test."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from PIL import Image

from archlab.detect.dataset import DetectionData

TINY: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "a.png", "width": 40, "height": 20},
        {"id": 3, "file_name": "b.png", "width": 30, "height": 30},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 90, "bbox": [10, 5, 20, 10], "area": 200, "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 2, "bbox": [1.5, 2, 3, 4], "area": 12, "iscrowd": 0},
    ],
    "categories": [{"id": 90, "name": "late"}, {"id": 2, "name": "early"}],
}
"""Two images, of which the second has no box; categories that are neither in order nor contiguous."""


def tiny() -> dict[str, Any]:
    """A copy of ``TINY`` to be spoilt."""
    return copy.deepcopy(TINY)


def write(folder: Path, content: Any, name: str = "train.json", images: bool = True) -> Path:
    """The file ``name`` of ``content``, text or JSON data, with grey images where it names some."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / name
    source.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    if images:
        for entry in content["images"]:
            Image.new("RGB", (entry["width"], entry["height"]), (128, 128, 128)).save(folder / entry["file_name"])
    return source


def write_data(folder: Path, data: DetectionData, name: str = "train.json", prefix: str = "t") -> Path:
    """A data set in memory as a COCO-format file with its images."""
    content = {**data.truth, "images": [{**entry} for entry in data.truth["images"]]}
    folder.mkdir(parents=True, exist_ok=True)
    for entry, pixels in zip(content["images"], data.images, strict=True):
        entry["file_name"] = f"{prefix}{entry['id']}.png"
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / entry["file_name"])
    return write(folder, content, name, images=False)
