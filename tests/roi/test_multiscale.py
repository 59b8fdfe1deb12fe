"""Multi-level RoI align against torchvision's module and against single levels."""

import math

import pytest
import torch
import torchvision
from torch import Tensor
from torch.testing import assert_close

from archlab.roi import (
    MultiScaleRoIAlign,
    RoIError,
    assign_levels,
    infer_strides,
    multiscale_roi_align,
    roi_align,
    roi_pool,
)

from .oracles import random_boxes, random_map

STRIDES = [4, 8, 16, 32]


def pyramid(dtype: torch.dtype = torch.float32, layout: torch.memory_format = torch.contiguous_format) -> list[Tensor]:
    maps = [random_map(2, 5, 256 // s, 320 // s, seed=s).to(dtype) for s in STRIDES]
    return [x.contiguous(memory_format=layout) for x in maps]


def sized_boxes(count: int = 60) -> Tensor:
    """Boxes whose sizes cover all levels."""
    generator = torch.Generator().manual_seed(4)
    size = 2 ** (3 + 6 * torch.rand(count, generator=generator))
    corner = torch.rand(count, 2, generator=generator) * 100
    image = torch.randint(0, 2, (count, 1), generator=generator)
    return torch.cat([image, corner, corner + size[:, None]], 1)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_torchvision(layout: torch.memory_format) -> None:
    names = ["p2", "p3", "p4", "p5"]
    boxes = sized_boxes()
    lists = [boxes[boxes[:, 0] == image, 1:] for image in range(2)]
    shapes = [(256, 320), (250, 300)]
    theirs, ours = pyramid(), [x.requires_grad_() for x in pyramid(layout=layout)]
    for x in theirs:
        x.requires_grad_()
    want = torchvision.ops.MultiScaleRoIAlign(names, 7, 2)(dict(zip(names, theirs, strict=True)), lists, shapes)
    got = MultiScaleRoIAlign(names, 7, 2)(dict(zip(names, ours, strict=True)), lists, shapes)
    assert got.is_contiguous(memory_format=layout)
    assert_close(got, want, atol=1e-5, rtol=1e-5)
    weight = torch.randn_like(want)
    for a, b in zip(torch.autograd.grad(got, ours, weight), torch.autograd.grad(want, theirs, weight), strict=True):
        assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_levels_at_the_thresholds() -> None:
    """floor(4 + log2(size / 224)): exactly 224 is level 4, just under it level 3."""
    sizes = torch.tensor([10.0, 111.9, 112.0, 223.9, 224.0, 447.9, 448.0, 5000.0])
    rois = torch.stack([torch.zeros(8), torch.zeros(8), torch.zeros(8), sizes, sizes], 1)
    for assignment in ("torchvision", "detectron2"):
        assert assign_levels(rois, 2, 5, assignment=assignment).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_assignments_differ_by_their_epsilon() -> None:
    """A size 3e-7 (relative) under a threshold: torchvision's 1e-6 lifts it, detectron2's 1e-8 does not."""
    size = 224 * (1 - 3e-7)
    rois = torch.tensor([[0, 0, 0, size, size]], dtype=torch.float64)
    assert math.log2(size / 224) + 1e-6 > 0
    assert assign_levels(rois, 2, 5, assignment="torchvision").tolist() == [2]
    assert assign_levels(rois, 2, 5, assignment="detectron2").tolist() == [1]


def test_levels_from_the_caller_and_uneven_strides() -> None:
    maps = [random_map(2, 3, 12, 20), random_map(2, 3, 7, 9)]
    strides = [(3.0, 5.5), 7]
    boxes = random_boxes(10, 2, 40, 100)
    levels = torch.tensor([0, 1] * 4 + [2, -1])
    got = multiscale_roi_align(maps, boxes, 3, strides, 2, True, levels=levels)
    fine = roi_align(maps[0], boxes, 3, (1 / 3.0, 1 / 5.5), 2, True)
    coarse = roi_align(maps[1], boxes, 3, 1 / 7, 2, True)
    want = torch.where((levels == 0)[:, None, None, None], fine, coarse)
    want[8:] = 0
    assert_close(got, want, atol=1e-12, rtol=0)


@pytest.mark.parametrize("mode", ["max", "prroi"])
def test_other_modes_over_levels(mode: str) -> None:
    maps, boxes = pyramid(torch.float64), sized_boxes(20).double()
    levels = assign_levels(boxes, 2, 5)
    got = multiscale_roi_align(maps, boxes, 3, STRIDES, 2, mode=mode)
    for k in range(20):
        level = int(levels[k])
        want = roi_align(maps[level], boxes[k : k + 1], 3, 1 / STRIDES[level], 2, mode=mode)
        assert_close(got[k : k + 1], want, atol=1e-12, rtol=0)


def test_strides_are_inferred_in_each_call() -> None:
    maps = pyramid()
    assert infer_strides(maps, [(256, 320)]) == [(4, 4), (8, 8), (16, 16), (32, 32)]
    assert infer_strides(maps, [(512, 320)]) == [(8, 4), (16, 8), (32, 16), (64, 32)]


def test_rules() -> None:
    with pytest.raises(RoIError, match="2 feature maps and 1 strides"):
        multiscale_roi_align(pyramid()[:2], sized_boxes(2), 3, [4])
    with pytest.raises(RoIError, match="levels must be"):
        multiscale_roi_align(pyramid()[:2], sized_boxes(2), 3, [4, 8], levels=torch.zeros(2))
    with pytest.raises(RoIError, match=r"the first has \(2, 5\)"):
        multiscale_roi_align([pyramid()[0], torch.zeros(2, 6, 4, 4)], sized_boxes(2), 3, [4, 8])


@pytest.mark.parametrize("mode", ["caffe", "partition"])
def test_pooling_takes_the_level_that_align_takes(mode: str) -> None:
    maps, rois = pyramid(), sized_boxes()
    levels = assign_levels(rois, 2, 5)
    assert levels.unique().tolist() == [0, 1, 2, 3]
    expected = torch.stack([
        roi_pool(maps[level], rois[k : k + 1], (3, 4), 1 / STRIDES[level], mode)[0]
        for k, level in enumerate(levels.tolist())
    ])  # fmt: skip
    assert_close(multiscale_roi_align(maps, rois, (3, 4), STRIDES, mode=mode), expected, rtol=0, atol=0)
