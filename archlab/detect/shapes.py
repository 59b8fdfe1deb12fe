"""A small detection set that is drawn, not read: for a first run without data, and for tests."""

from __future__ import annotations

import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData

CLASSES = ("circle", "square", "triangle")


def drawn_shapes(count: int, size: tuple[int, int], seed: int) -> DetectionData:
    """Return ``count`` images of ``size`` (height, width), each with two to six shapes of one colour on a noisy ground.

    The same arguments give the same bits. Shapes are an eighth to a half of the image's shorter side across, and no
    two in the same image overlap by much.
    """
    rng = torch.Generator().manual_seed(seed)
    height, width = size
    images = torch.empty(count, 3, height, width, dtype=torch.uint8)
    all_boxes, all_labels = [], []
    for i in range(count):
        ground = 255 * torch.rand(3, 1, 1, generator=rng)
        image = ground + 12 * torch.randn(3, height, width, generator=rng)
        boxes: list[Tensor] = []
        labels: list[int] = []
        for _ in range(int(torch.randint(2, 7, (), generator=rng))):
            box = _place(rng, size)
            if all(_apart(box, other) for other in boxes):
                kind = int(torch.randint(len(CLASSES), (), generator=rng))
                colour = (ground + 80 + 95 * torch.rand(3, 1, 1, generator=rng)) % 255
                image = torch.where(_inside(kind, box, size), colour, image)
                boxes.append(box)
                labels.append(kind + 1)
        images[i] = image.clamp(0, 255).to(torch.uint8)
        all_boxes.append(torch.stack(boxes))
        all_labels.append(torch.tensor(labels))
    return DetectionData(
        source="drawn shapes",
        classes=CLASSES,
        images=images,
        boxes=tuple(all_boxes),
        labels=tuple(all_labels),
        scales=(1.0,) * count,
        truth=_truth(all_boxes, all_labels, size),
        image_ids=tuple(range(1, count + 1)),
        category_ids=tuple(range(1, len(CLASSES) + 1)),
        left_out={},
    )


def _place(rng: torch.Generator, size: tuple[int, int]) -> Tensor:
    height, width = size
    least, most = min(size) / 8, min(size) / 2
    side = least * (most / least) ** torch.rand((), generator=rng)
    corner = torch.rand(2, generator=rng) * (torch.tensor([width, height]) - side)
    return torch.cat([corner, corner + side])


def _apart(a: Tensor, b: Tensor) -> bool:
    sides = torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])
    smaller = min((a[2] - a[0]) ** 2, (b[2] - b[0]) ** 2)
    return bool(sides.clamp(min=0).prod() < 0.2 * smaller)


def _inside(kind: int, box: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the (H, W) mask of the pixels whose centre lies in the shape that fills ``box``."""
    y = (torch.arange(size[0]) + 0.5 - box[1])[:, None] / (box[3] - box[1])
    x = (torch.arange(size[1]) + 0.5 - box[0])[None, :] / (box[2] - box[0])
    match CLASSES[kind]:
        case "circle":
            return (x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25
        case "square":
            return (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
        case _:
            return (y >= 0) & (y <= 1) & ((x - 0.5).abs() <= y / 2)


def _truth(all_boxes: list[Tensor], all_labels: list[Tensor], size: tuple[int, int]) -> dict[str, object]:
    annotations: list[dict[str, object]] = []
    for i, (boxes, labels) in enumerate(zip(all_boxes, all_labels, strict=True), start=1):
        for (x1, y1, x2, y2), label in zip(boxes.tolist(), labels.tolist(), strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": label,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )
    return {
        "images": [{"id": i, "width": size[1], "height": size[0]} for i in range(1, len(all_boxes) + 1)],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)],
    }
