"""Detection data: images resized to one size, in memory or decoded on demand, and boxes with them."""

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
from archlab.detect.data_formats import read_part
from archlab.detect.images_on_disk import ImagesOnDisk, Stored, decode, fitted_size
from archlab.errors import InputError
from archlab.images.free_memory import free_memory
from archlab.images.image_files import check_image, refuse_large
from archlab.images.open_image import without_size_warnings

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels between 0 and 1, as torchvision normalises."""

Progress = Callable[[str], None]

SHARE = 0.5
"""Of the free memory, what images may take, since a split copies them; where they take more, they stay on disk."""


@dataclass(frozen=True, eq=False)
class DetectionData:
    """Images of one size with their boxes.

    Attributes:
        source: where they come from, for messages and reports.
        classes: names; a label is an index into them from 1 on, 0 being the background.
        images: (N, 3, H, W) bytes; each image resized with its proportions, at the upper left, the rest black; on disk
            where they do not fit in memory.
        boxes: for each image (K, 4) x1, y1, x2, y2 in pixels of ``images``.
        labels: for each image (K,).
        scales: for each image, pixels here by pixels on disk.
        truth: COCO-format dictionary in pixels on disk, for pycocotools.
        image_ids, category_ids: the truth's ids of the images and the classes.
        left_out: how many boxes training leaves out or changes, by what is wrong with them.
        tiny: how many of the boxes have a side below a pixel of ``images``.
    """

    source: str
    classes: tuple[str, ...]
    images: Tensor | ImagesOnDisk
    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    scales: tuple[float, ...]
    truth: Mapping[str, Any]
    image_ids: tuple[int, ...]
    category_ids: tuple[int, ...]
    left_out: Mapping[str, int]
    tiny: int = 0

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
        return normalised(self.images[torch.as_tensor(indices, dtype=torch.long)], device)

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
            _chosen(self.images, indices),
            tuple(self.boxes[i] for i in indices),
            tuple(self.labels[i] for i in indices),
            tuple(self.scales[i] for i in indices),
            truth,
            tuple(self.image_ids[i] for i in indices),
            self.category_ids,
            self.left_out,
            sum(map(_tiny, (self.boxes[i] for i in indices))),
        )


def normalised(pixels: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Return images (n, 3, H, W) of bytes in float32, by ``MEAN`` and ``STD``, on a device."""
    mean, std = (torch.tensor(row, device=device).view(3, 1, 1) for row in (MEAN, STD))
    return (pixels.to(device).float() / 255 - mean) / std


def _chosen(images: Tensor | ImagesOnDisk, indices: Sequence[int]) -> Tensor | ImagesOnDisk:
    if isinstance(images, ImagesOnDisk):
        return images.part(indices)
    return images[torch.as_tensor(indices, dtype=torch.long)]


def _tiny(boxes: Tensor) -> int:
    return int((boxes[:, 2:] - boxes[:, :2] < 1).any(1).sum())


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
    """Return the training data at a path, every image read once, resized to fit ``size`` (height, width).

    Raises:
        InputError: as ``archlab.detect.data_formats.read_part`` and ``dataset_of``.
    """
    annotations = read_part(Path(source))
    return dataset_of(annotations, size, fit_in_memory([annotations], size), progress)


def fit_in_memory(sets: Sequence[Annotations], size: tuple[int, int]) -> bool:
    """Return whether images at ``size`` (height, width) together take at most ``SHARE`` of the free memory."""
    free = free_memory()
    return free is None or 3 * size[0] * size[1] * sum(len(each.images) for each in sets) <= SHARE * free


def dataset_of(
    annotations: Annotations, size: tuple[int, int], in_memory: bool, progress: Progress | None = None
) -> DetectionData:
    """Return the data that annotations describe, resized to fit ``size`` (height, width).

    Args:
        in_memory: whether the images are decoded now; else their headers are checked, and they are decoded on demand.

    Raises:
        InputError: an image is broken, too large, or of another size than in the annotations.
    """
    note = progress or (lambda _: None)
    count = len(annotations.images)
    expected = {entry["id"]: (entry["width"], entry["height"]) for entry in annotations.truth["images"]}
    stored = [Stored(image.path, expected[image.id]) for image in annotations.images]
    for each in stored:
        refuse_large(each.path, each.size, "its annotations say")
    images = torch.zeros(count, 3, *size, dtype=torch.uint8) if in_memory else ImagesOnDisk(stored, size)
    scales, boxes, labels = [], [], []
    left_out = Counter(annotations.left_out)
    with without_size_warnings():
        for i, (image, each) in enumerate(zip(annotations.images, stored, strict=True)):
            if i % 50 == 0:
                doing = "reading" if in_memory else "larger than memory, read on demand; checking"
                note(f"{doing} {annotations.source}: image {i} of {count}")
            if isinstance(images, Tensor):
                decode(each, images[i])
            else:
                check_image(each.path, each.size)
            scale, _, _ = fitted_size(each.size, size)
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
        sum(map(_tiny, boxes)),
    )
