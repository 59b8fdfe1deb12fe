"""torch.vmap over the operators, against one problem at a time."""

from __future__ import annotations

import pytest
import torch

from archlab.roi import roi_align

from .oracles import random_map

BOXES = torch.tensor([[0, 1.13, 0.71, 4.27, 5.33], [1, 0.37, 2.21, 5.9, 4.43], [0, -1.3, -0.9, 9.7, 8.1]]).double()


@pytest.mark.parametrize("mode", ["avg", "max", "onnx_max", "prroi"])
def test_vmap_over_maps_and_boxes(mode: str) -> None:
    def f(x: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return roi_align(x, boxes, (2, 3), (0.83, 0.91), 2, True, mode)

    maps = torch.stack([random_map(2, 2, 6, 7, seed=s) for s in range(3)])
    boxes = BOXES + torch.linspace(0, 0.4, 3)[:, None, None] * torch.tensor([0, 1.0, 1, 1, 1])
    boxes[1, 0, 0] = 7  # an image that is not there must not become another problem's
    each = torch.stack([f(x, b) for x, b in zip(maps, boxes, strict=True)])
    assert torch.equal(torch.vmap(f)(maps, boxes), each)
    assert torch.equal(torch.vmap(f, (None, 0))(maps[0], boxes), torch.stack([f(maps[0], b) for b in boxes]))
    assert torch.equal(torch.vmap(f, (1, None))(maps.movedim(0, 1), BOXES), torch.stack([f(x, BOXES) for x in maps]))
