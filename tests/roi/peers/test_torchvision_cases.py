"""The cases of torchvision's tests of RoIPool, RoIAlign and MultiScaleRoIAlign, without quantised and scripted ones."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

from archlab.roi import MultiScaleRoIAlign, RoIAlign, RoIError, RoIPool, roi_align, roi_pool
from tests.roi.oracles import by_reference, random_map

ROIS = torch.tensor([[0, 0, 0, 4, 4], [0, 2, 3, 9, 9], [1, 1, 0, 8, 7], [1, 9, 9, 9, 9]]).double()
KINDS = pytest.mark.parametrize("kind", ["pool", "align", "aligned"])


def call(kind: str, x: Tensor, boxes: Tensor | list[Tensor]) -> Tensor:
    if kind == "pool":
        return roi_pool(x, boxes, 5)
    return roi_align(x, boxes, 5, 1.0, 2, kind == "aligned")


def wanted(kind: str, x: Tensor) -> Tensor:
    return by_reference(
        x, ROIS, (5, 5), sampling_ratio=2, aligned=kind == "aligned", mode="caffe" if kind == "pool" else "avg"
    )


def turned() -> Tensor:
    """A map whose axes are swapped: its memory runs along the columns."""
    return random_map(2, 10, 12, 12).permute(0, 1, 3, 2)


@KINDS
@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_forward(kind: str, contiguous: bool, dtype: torch.dtype) -> None:
    x = turned().contiguous() if contiguous else turned()
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 4e-3}[dtype]
    got = call(kind, x.to(dtype), ROIS.to(torch.float32 if dtype == torch.float16 else dtype))
    assert got.dtype == dtype
    assert_close(got.double(), wanted(kind, x), atol=tolerance, rtol=tolerance)


@KINDS
def test_a_list_of_boxes_per_image(kind: str) -> None:
    lists = [ROIS[ROIS[:, 0] == image, 1:] for image in (0, 1)]
    assert torch.equal(call(kind, turned(), lists), call(kind, turned(), ROIS))


@KINDS
@pytest.mark.parametrize("contiguous", [True, False])
def test_backward(kind: str, contiguous: bool) -> None:
    x = random_map(1, 1, 8, 8).permute(0, 1, 3, 2)
    x = (x.contiguous() if contiguous else x).requires_grad_()
    rois = torch.tensor([[0, 0, 0, 7.3, 6.1], [0, 1.2, 1.7, 4.4, 5.9]]).double()
    assert gradcheck(lambda x: call(kind, x, rois), (x,))


@KINDS
def test_boxes_of_another_shape(kind: str) -> None:
    x = turned()
    for boxes in (ROIS[:, :4], ROIS[0], [ROIS, ROIS], [ROIS[0, 1:], ROIS[0, 1:]]):
        with pytest.raises(RoIError):
            call(kind, x, boxes)


@KINDS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_autocast(kind: str, dtype: torch.dtype) -> None:
    x = turned().to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        got = call(kind, x, ROIS.float())
    assert torch.equal(got, call(kind, x, ROIS.float()))


def test_a_pixel_of_the_border_and_beyond() -> None:
    """On a map of ones a bin is the share of its samples within one pixel of it."""
    ones = torch.ones(1, 1, 10, 10)
    box = torch.tensor([[0, -2.0, 3.0, 2.0, 5.0]])
    assert roi_align(ones, box, 1, 1.0, 4).item() == 0.75
    assert roi_align(ones, box, 1, 1.0, 1).item() == 1.0


def test_a_pooled_bin_larger_than_float16_s_coordinates() -> None:
    x = torch.arange(3000.0).half().view(1, 1, 1, 3000).clamp(max=2048)
    got = roi_pool(x, torch.tensor([[0, 0.0, 0, 2999, 0]]), (1, 3))
    assert got.flatten().tolist() == [999.0, 1999.0, 2048.0]


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("images", [1, 2])
def test_levels_of_an_image(count: int, images: int) -> None:
    maps = {str(i): random_map(images, 4, 32 >> i, 32 >> i, seed=i) for i in range(3)}
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 60
    boxes = [torch.cat([corner, corner + 40], 1)] * images
    pool = MultiScaleRoIAlign(["0", "1", "2"], 5, 2)
    got = pool(maps, boxes, [(256, 256)] * images)
    # 40 pixels lie three levels below 224 on level 4: on the finest, of stride 8.
    assert math.floor(4 + math.log2(40 / 224)) < 3
    rows = [torch.cat([torch.full((count, 1), float(i)), each], 1) for i, each in enumerate(boxes)]
    assert_close(got, roi_align(maps["0"], torch.cat(rows), 5, 1 / 8, 2), atol=1e-12, rtol=0)


def test_modules_say_what_they_are() -> None:
    modules: list[nn.Module] = [RoIPool(7, 0.5), RoIAlign((7, 5), 0.5, 2), MultiScaleRoIAlign(["a"], 7, 2)]
    shown = [repr(module) for module in modules]
    assert "output_size=7, spatial_scale=0.5" in shown[0]
    assert "output_size=(7, 5), spatial_scale=0.5, sampling_ratio=2, aligned=False" in shown[1]
    assert "featmap_names=['a'], output_size=7, sampling_ratio=2" in shown[2]
