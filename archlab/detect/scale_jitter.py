"""Training images made smaller, or cut and made larger, with their boxes.

A window of the image's proportions is looked through: one that is larger than the image shows it smaller, on the mean
colour; one that is smaller shows a part of it larger. The window is placed around a box, so that no image loses all of
its own (Liu et al. 2016, arXiv:1512.02325, section 2.2; Ghiasi et al. 2021, arXiv:2012.07177, large scale jitter).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOWS = ("scale", "crop")
"""What is done here of ``archlab.detect.training_plan.AUGMENTATIONS``."""

FACTOR = 2.0
"""How much smaller or larger an image becomes at most."""

LEAST_SIDE = 1.0
"""In pixels: boxes of which less is left are left out."""

Labelled = tuple[Tensor, list[Tensor], list[Tensor]]
"""Images (n, 3, H, W), and for each its boxes (K, 4) and labels (K,)."""


def jitter_scale(
    images: Tensor, boxes: Sequence[Tensor], labels: Sequence[Tensor], augment: Sequence[str], rng: torch.Generator
) -> Labelled:
    """Return the images through random windows, with the boxes whose centre is in the window, cut at its edges.

    Factors are drawn evenly over their logarithm: from 1/2 to 1 with ``scale``, from 1 to 2 with ``crop``, from 1/2 to
    2 with both.

    Args:
        images: normalised, so that 0 is the mean colour.
        augment: of ``WINDOWS``.
    """
    low, high = (-1.0 if "scale" in augment else 0.0), (1.0 if "crop" in augment else 0.0)
    height, width = images.shape[-2:]
    sides = torch.tensor([width, height], dtype=torch.float32)
    windows, kept_boxes, kept_labels = [], [], []
    for own, names in zip(boxes, labels, strict=True):
        factor = FACTOR ** (low + (high - low) * torch.rand((), generator=rng).item())
        corner = _corner(own.cpu(), sides, factor, rng)
        windows.append(torch.cat([corner, sides / factor]))
        moved = (own - corner.repeat(2).to(own)) * factor
        centre = (moved[:, :2] + moved[:, 2:]) / 2
        edge = sides.to(own)
        cut = torch.minimum(moved.clamp(min=0), edge.repeat(2))
        inside = ((centre >= 0) & (centre <= edge)).all(1) & (cut[:, 2:] - cut[:, :2] >= LEAST_SIDE).all(1)
        kept_boxes.append(cut[inside])
        kept_labels.append(names[inside])
    return _through(images, torch.stack(windows)), kept_boxes, kept_labels


def _corner(boxes: Tensor, sides: Tensor, factor: float, rng: torch.Generator) -> Tensor:
    """Return the upper left corner of a window of ``sides`` / ``factor``, (x, y).

    A window within the image holds the centre of one of its boxes, and all of that box where it is large enough.
    """
    window = sides / factor
    low, high = torch.minimum(torch.zeros(2), sides - window), torch.maximum(torch.zeros(2), sides - window)
    if len(boxes) and factor > 1:
        box = boxes[int(torch.randint(len(boxes), (), generator=rng))]
        first, last = box[2:] - window, box[:2]  # of corners with which all of the box is seen
        centre = (box[:2] + box[2:]) / 2
        fits = first <= last
        low, high = (
            torch.where(fits, first, centre - window / 2).clamp(min=low, max=high),
            torch.where(fits, last, centre - window / 2).clamp(min=low, max=high),
        )
    return low + (high - low) * torch.rand(2, generator=rng)


def _through(images: Tensor, windows: Tensor) -> Tensor:
    """Return what is seen through windows (n, 4) x, y, width, height, in pixels, by bilinear interpolation."""
    height, width = images.shape[-2:]
    sides = torch.tensor([width, height], dtype=torch.float32)
    scale = windows[:, 2:] / sides
    centre = (2 * windows[:, :2] + windows[:, 2:]) / sides - 1
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = scale[:, 0], scale[:, 1]
    theta[:, :, 2] = centre
    grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
