"""Detection data in memory: images resized to one size, boxes with them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archlab.detect.coco import Annotations
from archlab.detect.data_source import read_annotations
from archlab.errors import InputError
from archlab.images.free_memory import free_memory
from archlab.images.image_files import read_image, refuse_large
from archlab.units import format_bytes

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels between 0 and 1, as torchvision normalises."""

Progress = Callable[[str], None]

SHARE = 0.5
"""Of the free memory, what images may take: they are held all at once, and a split copies them."""


@dataclass(frozen=True, eq=False)
class DetectionData:
    """Images of one size with their boxes.

    Attributes:
        source: where they come from, for messages and reports.
        classes: names; a label is an index into them from 1 on, 0 being the background.
        images: (N, 3, H, W) bytes; each image resized with its proportions, at the upper left, the rest black.
        boxes: for each image (K, 4) x1, y1, x2, y2 in pixels of ``images``.
        labels: for each image (K,).
        scales: for each image, pixels here by pixels on disk.
        truth: COCO-format dictionary in pixels on disk, for pycocotools.
        image_ids, category_ids: the truth's ids of the images and the classes.
        left_out: how many boxes training leaves out or changes, by what is wrong with them.
    """

    source: str
    classes: tuple[str, ...]
    images: Tensor
    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    scales: tuple[float, ...]
    truth: Mapping[str, Any]
    image_ids: tuple[int, ...]
    category_ids: tuple[int, ...]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return int(self.images.shape[2]), int(self.images.shape[3])

    @cached_property
    def sides(self) -> Tensor:
        """Width and height of all boxes (K, 2), put together once: every step of a training draws from them."""
        return torch.cat([boxes[:, 2:] - boxes[:, :2] for boxes in self.boxes])

    def batch(self, indices: Sequence[int] | Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Return images (n, 3, H, W) in float32, normalised, on a device."""
        pixels = self.images[torch.as_tensor(indices, dtype=torch.long)].to(device).float() / 255
        mean, std = (torch.tensor(row, device=device).view(3, 1, 1) for row in (MEAN, STD))
        return (pixels - mean) / std

    def part(self, indices: Sequence[int]) -> DetectionData:
        """Return the images of these indices as a data set of their own."""
        ids = {self.image_ids[i] for i in indices}
        truth = {
            "images": [entry for entry in self.truth["images"] if entry["id"] in ids],
            "annotations": [entry for entry in self.truth["annotations"] if entry["image_id"] in ids],
            "categories": self.truth["categories"],
        }
        return DetectionData(
            self.source,
            self.classes,
            self.images[torch.as_tensor(indices, dtype=torch.long)],
            tuple(self.boxes[i] for i in indices),
            tuple(self.labels[i] for i in indices),
            tuple(self.scales[i] for i in indices),
            truth,
            tuple(self.image_ids[i] for i in indices),
            self.category_ids,
            self.left_out,
        )


def split(data: DetectionData, share: float, seed: int) -> tuple[DetectionData, DetectionData]:
    """Split the data in two, the second with ``share`` of the images (at least one), chosen randomly with ``seed``.

    Raises:
        InputError: there are fewer than two images.
    """
    if len(data) < 2:
        raise InputError(f"{data.source} has {len(data)} image, which cannot be split for validation")
    order = list(range(len(data)))
    random.Random(seed).shuffle(order)
    n = min(max(1, round(len(data) * share)), len(data) - 1)
    return data.part(sorted(order[n:])), data.part(sorted(order[:n]))


def read_dataset(source: str | Path, size: tuple[int, int], progress: Progress | None = None) -> DetectionData:
    """Return the data of a file of annotations, every image read once, resized to fit ``size`` (height, width).

    Raises:
        InputError: as ``read_annotations``; the images would take more than ``SHARE`` of the free memory; or an image
            is broken, too large, or of another size than in the file.
    """
    annotations = read_annotations(Path(source))
    refuse_too_many([annotations], size)
    return _in_memory(annotations, size, progress or (lambda _: None))


def refuse_too_many(sets: Sequence[Annotations], size: tuple[int, int]) -> None:
    """Refuse data sets whose images together, at ``size`` (height, width), do not fit in memory.

    Raises:
        InputError: they would take more than ``SHARE`` of the free memory; the message has both.
    """
    free = free_memory()
    count = sum(len(each.images) for each in sets)
    needed = 3 * size[0] * size[1] * count
    if free is not None and needed > SHARE * free:
        names = " and ".join(str(each.source) for each in sets)
        raise InputError(
            f"{names}: {count:,} images at {size[0]}x{size[1]} take {format_bytes(needed)} in memory, more than "
            f"{SHARE:.0%} of the {format_bytes(free)} that are free",
            hint="take fewer images, or a smaller input",
        )


def _in_memory(annotations: Annotations, size: tuple[int, int], progress: Progress) -> DetectionData:
    height, width = size
    count = len(annotations.images)
    expected = {entry["id"]: (entry["width"], entry["height"]) for entry in annotations.truth["images"]}
    for image in annotations.images:
        refuse_large(image.path, expected[image.id], "its annotations say")
    images = torch.zeros(count, 3, height, width, dtype=torch.uint8)
    scales, boxes, labels = [], [], []
    left_out = Counter(annotations.left_out)
    for i, image in enumerate(annotations.images):
        if i % 50 == 0:
            progress(f"reading {annotations.source}: image {i} of {count}")
        w, h = expected[image.id]
        scale = min(height / h, width / w)
        pixels = read_image(image.path, (w, h), (max(1, round(w * scale)), max(1, round(h * scale))))
        images[i, :, : pixels.shape[0], : pixels.shape[1]] = torch.from_numpy(pixels).permute(2, 0, 1)
        scales.append(scale)
        own = torch.tensor(image.boxes, dtype=torch.float32).reshape(-1, 4) * scale
        some = (own[:, 2:] > own[:, :2]).all(1)  # a box may be too thin for single precision
        left_out["no area"] += int((~some).sum())
        boxes.append(own[some])
        labels.append(torch.tensor(image.labels, dtype=torch.int64)[some])
    return DetectionData(
        str(annotations.source),
        annotations.classes,
        images,
        tuple(boxes),
        tuple(labels),
        tuple(scales),
        annotations.truth,
        tuple(image.id for image in annotations.images),
        annotations.category_ids,
        dict(+left_out),
    )
