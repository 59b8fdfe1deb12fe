"""Proposals that are given: jittered true boxes and background, in place of a region proposal network's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData

SHIFT, STRETCH = 0.15, 0.25
"""How far a jittered box is moved, in shares of its sides, and stretched, as a logarithm; at most, to either side.

The worst jitter leaves an IoU of about one half, which is where a region proposal network's boxes begin to count."""

BACKGROUND_IOU = 0.3
"""A background box overlaps no true box by more (Ren et al. 2015, arXiv:1506.01497, section 3.1.2)."""

_TRIES = 8
_AT_ONCE = 4096
"""True boxes that background is compared with at a time: an image may have a hundred thousand."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Boxes in a batch of images, with what a detector should find of them.

    Attributes:
        rois: (K, 5) rows of image in the batch, x1, y1, x2, y2.
        labels: (K,) class, 0 for background.
        offsets: (K, 4) from the box to its true box as R-CNN parametrises them, (dx, dy, dw, dh)
            (Girshick et al. 2014, arXiv:1311.2524, appendix C); 0 for background.
    """

    rois: Tensor
    labels: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Proposals:
        """Return them on a device."""
        return Proposals(self.rois.to(device), self.labels.to(device), self.offsets.to(device))

    def part(self, which: Tensor) -> Proposals:
        """Return those of an index or mask."""
        return Proposals(self.rois[which], self.labels[which], self.offsets[which])


def propose(data: DetectionData, indices: Sequence[int], rng: torch.Generator, per_image: int) -> Proposals:
    """Return at most ``per_image`` boxes for each of the images ``indices``: half jittered true boxes, half background.

    True boxes come in random order, repeatedly where an image has few of them; background boxes have the sizes of
    the data's own boxes and lie anywhere where they overlap no true box by more than ``BACKGROUND_IOU``. An image
    without a box gives background only; in one that is full of them fewer background boxes may fit.
    """
    sides = data.sides
    height, width = data.size
    parts = []
    for place, index in enumerate(indices):
        true, labels = data.boxes[index], data.labels[index]
        count = per_image // 2 if len(true) else 0
        order = torch.cat(
            [torch.randperm(len(true), generator=rng) for _ in range(-(-count // max(1, len(true))))]
            or [torch.empty(0, dtype=torch.long)]
        )[:count]
        boxes = jittered(true[order], rng, (height, width))
        empty = _background(true, sides, per_image - count, rng, (height, width))
        parts.append(
            Proposals(
                torch.cat([torch.full((len(boxes) + len(empty), 1), float(place)), torch.cat([boxes, empty])], dim=1),
                torch.cat([labels[order], labels.new_zeros(len(empty))]),
                torch.cat([offsets(boxes, true[order]), empty.new_zeros(len(empty), 4)]),
            )
        )
    return Proposals(*(torch.cat([getattr(p, name) for p in parts]) for name in ("rois", "labels", "offsets")))


def jittered(boxes: Tensor, rng: torch.Generator, size: tuple[int, int]) -> Tensor:
    """Return ``boxes`` (K, 4), each moved by up to ``SHIFT`` of its sides and stretched by up to e^``STRETCH``.

    They are cut at the image's edges (height, width).
    """
    noise = 2 * torch.rand(len(boxes), 4, generator=rng) - 1
    sides = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + sides / 2 + noise[:, :2] * SHIFT * sides
    half = sides * torch.exp(noise[:, 2:] * STRETCH) / 2
    moved = torch.cat([centre - half, centre + half], dim=1)
    height, width = size
    return torch.minimum(moved.clamp(min=0), torch.tensor([width, height, width, height], dtype=moved.dtype))


def offsets(boxes: Tensor, true: Tensor) -> Tensor:
    """Return the (K, 4) R-CNN offsets that bring ``boxes`` to ``true``."""
    own, aim = boxes[:, 2:] - boxes[:, :2], true[:, 2:] - true[:, :2]
    own = own.clamp(min=1e-3)
    moved = (true[:, :2] + aim / 2 - boxes[:, :2] - own / 2) / own
    return torch.cat([moved, torch.log(aim.clamp(min=1e-3) / own)], dim=1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the (A, B) intersection over union of boxes (A, 4) and (B, 4)."""
    sides = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(min=0)
    both = sides.prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a, b)]
    return both / (areas[0][:, None] + areas[1][None] - both).clamp(min=1e-9)


def _background(true: Tensor, sides: Tensor, count: int, rng: torch.Generator, size: tuple[int, int]) -> Tensor:
    height, width = size
    room = torch.tensor([width, height], dtype=torch.float32)
    if not len(sides):
        sides = room[None] / 4
    picked = sides[torch.randint(len(sides), (count * _TRIES,), generator=rng)].minimum(room)
    corner = torch.rand(len(picked), 2, generator=rng) * (room - picked)
    boxes = torch.cat([corner, corner + picked], dim=1)
    if len(true):
        parts = (true[start : start + _AT_ONCE] for start in range(0, len(true), _AT_ONCE))
        overlap = torch.stack([iou(boxes, part).amax(1) for part in parts]).amax(0)
        boxes = boxes[overlap <= BACKGROUND_IOU]
    return boxes[:count]
