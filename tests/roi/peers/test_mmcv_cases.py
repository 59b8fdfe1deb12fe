"""The cases of mmcv's tests of RoIAlign (both modes), RoIPool and PrRoIPool: small maps whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from archlab.roi import roi_align, roi_pool
from tests.roi.oracles import random_map

TWO = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
PAIR = torch.cat([TWO, TWO.flip(2, 3)], 1)
LARGER = torch.tensor([[[[1.0, 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]]]])
ALL_OF_TWO = torch.tensor([[0, 0.0, 0, 1, 1]])
ALL_OF_LARGER = torch.tensor([[0, 0.0, 0, 3, 3]])
LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


def values_and_gradient(x: Tensor, boxes: Tensor, kind: str, layout: torch.memory_format) -> tuple[list, list]:
    leaf = x.clone().contiguous(memory_format=layout).requires_grad_()
    out = roi_pool(leaf, boxes, 2) if kind == "pool" else roi_align(leaf, boxes, 2, 1.0, 2, True, kind)
    out.backward(torch.ones_like(out))
    return out.flatten().tolist(), leaf.grad.flatten().tolist()


@LAYOUTS
def test_average_of_two_by_two(layout: torch.memory_format) -> None:
    assert values_and_gradient(TWO, ALL_OF_TWO, "avg", layout) == (
        [1, 1.25, 1.5, 1.75],
        [3.0625, 0.4375, 0.4375, 0.0625],
    )


@LAYOUTS
def test_average_of_two_channels(layout: torch.memory_format) -> None:
    out, gradient = values_and_gradient(PAIR, ALL_OF_TWO, "avg", layout)
    assert out == [1, 1.25, 1.5, 1.75, 4, 3.75, 3.5, 3.25]
    assert gradient == [3.0625, 0.4375, 0.4375, 0.0625] * 2


@LAYOUTS
def test_average_of_four_by_four(layout: torch.memory_format) -> None:
    out, gradient = values_and_gradient(LARGER, ALL_OF_LARGER, "avg", layout)
    assert out == [1.9375, 4.75, 7.5625, 10.375]
    assert sum(gradient) == 4


@LAYOUTS
def test_maximum_takes_the_largest_sample(layout: torch.memory_format) -> None:
    """Along either axis the samples lie at -.375, -.125, .125 and .375, those below 0 on the first pixel."""
    out, gradient = values_and_gradient(TWO, ALL_OF_TWO, "max", layout)
    assert out == [1, 1 + 0.375, 1 + 2 * 0.375, 1 + 3 * 0.375]
    assert sum(gradient) == 4


@LAYOUTS
def test_pooled_pixels_and_their_gradient(layout: torch.memory_format) -> None:
    assert values_and_gradient(TWO, ALL_OF_TWO, "pool", layout) == ([1, 2, 3, 4], [1, 1, 1, 1])
    out, gradient = values_and_gradient(LARGER, ALL_OF_LARGER, "pool", layout)
    assert out == [4, 8, 12, 16]
    assert gradient == [0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1]
    assert values_and_gradient(PAIR, ALL_OF_TWO, "pool", layout)[0] == [1, 2, 3, 4, 4, 3, 2, 1]


@pytest.mark.parametrize("mode", ["avg", "max", "prroi"])
def test_gradients_are_finite_differences(mode: str) -> None:
    x = random_map(1, 1, 5, 5).requires_grad_()
    corners = torch.tensor([[0.63, 0.71, 3.37, 3.83]], dtype=torch.float64, requires_grad=True)

    def read(x: Tensor, corners: Tensor) -> Tensor:
        return roi_align(x, torch.nn.functional.pad(corners, (1, 0)), 2, 1.0, 2, True, mode)

    assert gradcheck(read, (x, corners))


def test_no_boxes_have_a_gradient() -> None:
    x = TWO.clone().requires_grad_()
    roi_align(x, torch.zeros(0, 5), 2, 1.0, 2, mode="max").sum().backward()
    assert x.grad.abs().sum() == 0
