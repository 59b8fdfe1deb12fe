"""What a detector finds in image files, in pixels of the files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from archlab.detect.dataset import normalised
from archlab.detect.image_list import in_folder
from archlab.detect.images_on_disk import Stored, decode, fitted_size
from archlab.errors import InputError
from archlab.images.image_files import check_image, refuse_large, upright_size
from archlab.images.inside import Inside
from archlab.images.open_image import without_size_warnings

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A box in pixels of its image's file as it is shown: x1, y1, x2, y2; a label from 1 on; a score from 0 to 1."""

    box: tuple[float, float, float, float]
    label: int
    score: float


@dataclass(frozen=True, slots=True)
class FoundIn:
    """An image, its width and height as it is shown, and the boxes found in it, the surest first."""

    path: Path
    size: tuple[int, int]
    boxes: tuple[FoundBox, ...]


def image_files(given: Iterable[Path]) -> list[Path]:
    """Return the images that files and folders name: files as they are, of a folder those in it, by name; each once.

    Raises:
        InputError: there is no such file or folder, or a folder has no image.
    """
    found: list[Path] = []
    for path in given:
        if os.path.isfile(path):
            found.append(path)
        elif os.path.isdir(path):
            own = in_folder(path, Inside(path))
            if not own:
                raise InputError(f"{path} has no image")
            found += own
        else:
            raise InputError(f"no such file or folder: {path}")
    return list(dict.fromkeys(found))


def find_boxes(
    model: nn.Module,
    files: Sequence[Path],
    size: tuple[int, int],
    device: torch.device | str = "cpu",
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[FoundIn]:
    """Yield what ``model``, in evaluation and on ``device``, finds in each image.

    Images are resized to fit ``size`` (height, width). All headers are checked before the first image is looked at.

    Raises:
        InputError: an image is broken or too large.
    """
    stored = []
    with without_size_warnings():
        for path in files:
            stored.append(Stored(path, upright_size(path)))
            refuse_large(path, stored[-1].size, "its header says")
            check_image(path, stored[-1].size)
    for start in range(0, len(stored), AT_ONCE):
        progress(f"looking at image {start + 1} of {len(stored)}")
        portion = stored[start : start + AT_ONCE]
        pixels = torch.zeros(len(portion), 3, *size, dtype=torch.uint8)
        with without_size_warnings():
            for image, out in zip(portion, pixels, strict=True):
                decode(image, out)
        with torch.no_grad():
            found = cast(Any, model)(list(normalised(pixels, device)))
        for image, one in zip(portion, found, strict=True):
            yield FoundIn(image.path, image.size, _boxes(one, image.size, fitted_size(image.size, size)[0]))


def _boxes(found: dict[str, torch.Tensor], size: tuple[int, int], scale: float) -> tuple[FoundBox, ...]:
    edge = torch.tensor([*size, *size], dtype=torch.float64)
    sides = torch.minimum(found["boxes"].double().cpu() / scale, edge).tolist()
    rows = zip(sides, found["labels"].tolist(), found["scores"].tolist(), strict=True)
    boxes = [FoundBox((x1, y1, x2, y2), label, score) for (x1, y1, x2, y2), label, score in rows]
    return tuple(sorted((box for box in boxes if box.box[2] > box.box[0] and box.box[3] > box.box[1]),
                        key=lambda box: -box.score))  # fmt: skip


def coco_results(found: Sequence[FoundIn]) -> list[dict[str, Any]]:
    """Return COCO's results: images by their place from 1 on, and by name; categories are labels."""
    return [
        {
            "image_id": id,
            "file_name": image.path.name,
            "category_id": box.label,
            "bbox": [round(side, 2) for side in (x1, y1, x2 - x1, y2 - y1)],
            "score": round(box.score, 5),
        }
        for id, image in enumerate(found, start=1)
        for box in image.boxes
        for x1, y1, x2, y2 in [box.box]
    ]
