"""The pooling module in the class that torchvision's detectors ask for."""

from __future__ import annotations

from typing import Any

import torchvision
from torch import Tensor

from archlab.roi.roi_modules import MultiScaleRoIAlign


class TorchvisionPool(torchvision.ops.MultiScaleRoIAlign):  # type: ignore[misc]
    """A torchvision ``MultiScaleRoIAlign`` that leaves its work to archlab's."""

    def __init__(self, pool: MultiScaleRoIAlign) -> None:
        numbers = pool.canonical_scale, pool.canonical_level
        super().__init__(
            pool.featmap_names,
            pool.output_size,
            pool.sampling_ratio,
            canonical_scale=numbers[0],
            canonical_level=numbers[1],
        )
        self.pool = pool

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """Map named maps, boxes in input pixels and the images' (height, width) to (K, C, P, Q)."""
        out: Tensor = self.pool(x, boxes, image_shapes)
        return out

    def extra_repr(self) -> str:
        return self.pool.extra_repr()


def for_torchvision(pool: MultiScaleRoIAlign) -> Any:
    """Return ``pool`` as the instance of torchvision's class that ``FasterRCNN`` and its kin insist on.

    >>> from archlab.roi import MultiScaleRoIAlign
    >>> isinstance(for_torchvision(MultiScaleRoIAlign(["0"], 7, 2)), torchvision.ops.MultiScaleRoIAlign)
    True
    """
    return TorchvisionPool(pool)
