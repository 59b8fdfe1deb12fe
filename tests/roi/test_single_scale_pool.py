"""RoI pooling against the plain reference and torchvision."""

import pytest
import torch
import torchvision
from torch.testing import assert_close

from archlab.roi import RoIPool, roi_pool

from .oracles import by_reference, random_boxes, random_map


@pytest.mark.parametrize("mode", ["caffe", "partition"])
@pytest.mark.parametrize("bins", [(2, 2), (3, 5), (7, 7)])
def test_equals_reference(mode: str, bins: tuple[int, int]) -> None:
    x, boxes = random_map(2, 3, 11, 14), random_boxes(30, 2, 22, 38)
    assert torch.equal(
        roi_pool(x, boxes, bins, (0.5, 0.37), mode), by_reference(x, boxes, bins, (0.5, 0.37), mode=mode)
    )


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_torchvision_with_gradient(layout: torch.memory_format) -> None:
    x, boxes = random_map(2, 6, 20, 25).float(), random_boxes(40, 2, 80, 100).float()
    theirs, ours = x.clone().requires_grad_(), x.clone().requires_grad_()
    want = torchvision.ops.roi_pool(theirs, boxes, 7, 0.25)
    got = RoIPool(7, 0.25)(ours.contiguous(memory_format=layout), boxes)
    assert torch.equal(got, want)
    weight = random_map(40, 6, 7, 7, seed=3).float()
    (want * weight).sum().backward()
    (got * weight).sum().backward()
    assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_halves_round_away_from_zero() -> None:
    x = torch.arange(10.0).view(1, 1, 1, 10)
    # 0.5 and 2.5 round to 1 and 3 (banker's rounding would give 0 and 2); the last pixel is included.
    boxes = torch.tensor([[0, 0.5, 0.0, 2.5, 0.0]])
    assert roi_pool(x, boxes, (1, 3)).flatten().tolist() == [1.0, 2.0, 3.0]
    assert roi_pool(x, boxes, (1, 2), mode="partition").flatten().tolist() == [0.0, 0.0]


def test_a_box_does_not_move_its_maximum() -> None:
    boxes = random_boxes(5, 1, 10, 10).requires_grad_()
    roi_pool(random_map(1, 2, 10, 10), boxes, 3).sum().backward()
    assert torch.equal(boxes.grad, torch.zeros(5, 5, dtype=torch.float64))
