"""The registered operators under torch.compile, torch.export, autocast and the operator checks of torch itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from archlab.roi import multiscale_roi_align, roi_align
from archlab.roi.geometry import checked_geometry

from .detecting import Detector, inputs
from .oracles import random_boxes, random_map

OPS = torch.ops.archlab


@pytest.mark.slow
def test_compile_without_graph_break() -> None:
    model, (image, boxes) = Detector(), inputs()
    compiled = torch.compile(model, fullgraph=True, dynamic=True)
    for count in (5, 9):
        image, boxes = inputs(count)
        assert_close(compiled(image, boxes), model(image, boxes), atol=1e-5, rtol=1e-5)
    want = torch.autograd.grad(model(image, boxes).square().sum(), list(model.parameters()))
    got = torch.autograd.grad(compiled(image, boxes).square().sum(), list(model.parameters()))
    assert_close(got, want, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("mode", ["avg", "max", "onnx_max", "prroi"])
def test_compile_modes(mode: str) -> None:
    x, boxes = inputs()

    def run(x: Tensor, boxes: Tensor) -> Tensor:
        return roi_align(x, boxes, 2, 0.5, -1, mode=mode)

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    leaf, moving = x.requires_grad_(), boxes.requires_grad_()
    want = torch.autograd.grad(run(leaf, moving).sum(), (leaf, moving))
    assert_close(torch.autograd.grad(compiled(leaf, moving).sum(), (leaf, moving)), want)


def test_export_with_any_number_of_rois() -> None:
    model, (image, boxes) = Detector(), inputs()
    program = torch.export.export(
        model, (image, boxes), dynamic_shapes={"image": None, "boxes": {0: torch.export.Dim("K")}}
    )
    for count in (0, 1, 17):
        _, boxes = inputs(count)
        assert torch.equal(program.module()(image, boxes), model(image, boxes))


def test_autocast_keeps_coordinates() -> None:
    convolution = nn.Conv2d(3, 4, 1)
    x, boxes = inputs()
    with torch.autocast("cpu", torch.bfloat16):
        features = convolution(x)
        got = roi_align(features, boxes, 3, 0.97, 2, True)
    assert got.dtype == features.dtype == torch.bfloat16
    want = roi_align(features.double(), boxes.double(), 3, 0.97, 2, True)
    assert_close(got.double(), want, atol=1e-2, rtol=8e-3)


def test_operators_pass_torch_s_own_checks() -> None:
    x, boxes = (t.requires_grad_() for t in (random_map(2, 3, 8, 9), random_boxes(4, 2, 8, 9)))
    numbers = checked_geometry([1.0], (2, 3), 2, True, "avg").arguments
    grad = torch.randn(4, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    where = (boxes, None, None, None)
    good = {"test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"}
    for operator, args in (
        (OPS.roi_align, ([x], *where, *numbers)),
        (OPS.roi_align_transposed, (grad, *where, [2, 8, 9], False, *numbers)),
        (OPS.roi_align_boxes, ([x], grad, *where, *numbers)),
        (OPS.roi_choose, ([x.detach()], boxes.detach(), None, *numbers[:-1], "max")),
    ):
        assert torch.library.opcheck(operator.default, args) == dict.fromkeys(good, "SUCCESS")


def test_meta_knows_shape_and_layout_beyond_2_31_elements() -> None:
    boxes = torch.empty(100_000, 5, device="meta")
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.empty(2, 1024, 500, 500, device="meta", dtype=torch.bfloat16).to(memory_format=layout)
        out = roi_align(x, boxes, 14, 0.25, 2)
        assert out.shape == (100_000, 1024, 14, 14)
        assert out.numel() > 2**31
        assert out.dtype == torch.bfloat16
        assert out.is_contiguous(memory_format=layout)


def test_multiscale_function_traces_with_symbolic_levels() -> None:
    maps = [random_map(1, 2, 16, 16).float(), random_map(1, 2, 8, 8).float()]

    def run(boxes: Tensor) -> Tensor:
        return multiscale_roi_align(maps, boxes, 2, [4, 8], 2, canonical_scale=32, canonical_level=3)

    compiled = torch.compile(run, fullgraph=True, backend="eager", dynamic=True)
    for count in (3, 6):
        boxes = random_boxes(count, 1, 64, 64).float()
        assert torch.equal(compiled(boxes), run(boxes))
