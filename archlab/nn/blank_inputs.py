"""What a network's module is run on when only its work matters: images, and the boxes that a detector looks at."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archlab.ir import Graph, Shape


def blank_inputs(graph: Graph, images: int = 1, size: Shape | None = None) -> tuple[Tensor, ...]:
    """Return a batch of blank images (N, C, H, W), and for a network with a box head its RoIs (N rois, 5).

    The boxes of an image are spread over its levels: their sides go from 1/16 of the image's to all of it.

    Args:
        size: channels, height and width of the images, where they are not the graph's.
    """
    x = torch.zeros(images, *(graph.input_shape if size is None else size))
    rois = max((node.rows for node in graph), default=1)
    return (x,) if len(graph.inputs) == 1 else (x, torch.cat([_boxes(x, i, rois) for i in range(images)]))


def blank_inputs_for(module: nn.Module, size: Shape, images: int = 1) -> tuple[Tensor, ...]:
    """Return the same for a module; one that does not carry its graph takes images alone."""
    meta = getattr(module, "meta", {})
    return blank_inputs(meta["graph"], images, size) if "graph" in meta else (torch.zeros(images, *size),)


def _boxes(x: Tensor, image: int, rois: int) -> Tensor:
    """Boxes around the middle of an image."""
    height, width = x.shape[2:]
    half = torch.linspace(1 / 32, 1 / 2, rois)
    sides = ((0.5 - half) * width, (0.5 - half) * height, (0.5 + half) * width, (0.5 + half) * height)
    return torch.stack([torch.full_like(half, image), *sides], dim=1)
