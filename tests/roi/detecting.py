"""A small module that reads boxes from two levels, and inputs for it."""

from __future__ import annotations

from torch import Tensor, nn

from archlab.roi import MultiScaleRoIAlign

from .oracles import random_boxes, random_map


class Detector(nn.Module):
    """A stem, two levels, and the fused RoI align."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.down = nn.Conv2d(4, 4, 3, 2, 1)
        self.pool = MultiScaleRoIAlign(["a", "b"], 3, 2, strides=[2, 4], canonical_scale=16, canonical_level=1)

    def forward(self, image: Tensor, boxes: Tensor) -> Tensor:
        a = self.stem(image)
        return self.pool({"a": a, "b": self.down(a)}, boxes)


def inputs(count: int = 5) -> tuple[Tensor, Tensor]:
    return random_map(2, 3, 24, 32).float(), random_boxes(count, 2, 24, 32).float()
