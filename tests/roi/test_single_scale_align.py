"""RoI align against the plain reference, torchvision and ONNX Runtime, and against its own invariances."""

from __future__ import annotations

import itertools

import onnxruntime
import pytest
import torch
import torchvision
from onnx import TensorProto, helper
from torch import Tensor
from torch.testing import assert_close

from archlab.roi import RoIAlign, roi_align

from .oracles import by_reference, random_boxes, random_map

MODES = ["avg", "max", "onnx_max", "prroi"]
BINS = (3, 4)
SCALE = (0.5, 0.37)


@pytest.fixture(scope="module")
def x() -> Tensor:
    return random_map(2, 3, 11, 14)


@pytest.fixture(scope="module")
def boxes() -> Tensor:
    return random_boxes(24, 2, 22, 38)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("sampling", [-1, 1, 2, 3])
def test_equals_reference(x: Tensor, boxes: Tensor, mode: str, aligned: bool, sampling: int) -> None:
    want = by_reference(x, boxes, BINS, SCALE, sampling, aligned, mode)
    # An integral over a thin bin is a small difference of large numbers.
    tolerance = 1e-10 if mode == "prroi" else 1e-12
    assert_close(roi_align(x, boxes, BINS, SCALE, sampling, aligned, mode), want, atol=tolerance, rtol=0)


def test_reversed_boxes(x: Tensor) -> None:
    boxes = torch.tensor([[0, 20.0, 15.0, 6.0, 3.0], [1, 9.0, 3.0, 3.0, 12.0]], dtype=torch.float64)
    for sampling, mode in itertools.product((2, -1), MODES):
        want = by_reference(x, boxes, BINS, SCALE, sampling, True, mode)
        assert_close(roi_align(x, boxes, BINS, SCALE, sampling, True, mode), want, atol=1e-12, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sampling", [-1, 2])
@pytest.mark.parametrize("aligned", [False, True])
def test_equals_torchvision(dtype: torch.dtype, sampling: int, aligned: bool) -> None:
    x, boxes = random_map(2, 70, 20, 25).to(dtype), random_boxes(40, 2, 80, 100).to(dtype)
    grad = random_map(40, 70, 7, 7, seed=2).to(dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-11
    theirs, ours, last = (x.clone().requires_grad_() for _ in range(3))
    want = torchvision.ops.roi_align(theirs, boxes, 7, 0.25, sampling, aligned)
    want.backward(grad)
    for leaf, layout in ((ours, torch.contiguous_format), (last, torch.channels_last)):
        got = roi_align(leaf.contiguous(memory_format=layout), boxes, 7, 0.25, sampling, aligned)
        got.backward(grad.contiguous(memory_format=layout))
        assert_close(got, want, atol=tolerance, rtol=tolerance)
        assert_close(leaf.grad, theirs.grad, atol=4 * tolerance, rtol=tolerance)
        assert got.is_contiguous(memory_format=layout)


def test_swapped_import() -> None:
    x, boxes = random_map(2, 3, 12, 12).float(), random_boxes(6, 2, 24, 24).float()
    lists = [boxes[boxes[:, 0] == image, 1:] for image in range(2)]
    theirs = torchvision.ops.RoIAlign((5, 4), 0.5, 2, True)
    ours = RoIAlign((5, 4), 0.5, 2, True)
    assert_close(ours(x, lists), theirs(x, lists), atol=1e-5, rtol=1e-5)
    assert_close(ours(x, boxes), theirs(x, boxes), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("mode", "ours"), [("avg", "avg"), ("max", "onnx_max")])
@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("aligned", [False, True])
def test_equals_onnx_runtime(mode: str, ours: str, sampling: int, aligned: bool) -> None:
    x, boxes = random_map(2, 3, 12, 13).float(), random_boxes(9, 2, 24, 26).float()
    node = helper.make_node(
        "RoiAlign", ["x", "boxes", "images"], ["y"], mode=mode, output_height=3, output_width=4,
        sampling_ratio=sampling, spatial_scale=0.5,
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
    )  # fmt: skip
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 12, 13]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [9, 4]),
        helper.make_tensor_value_info("images", TensorProto.INT64, [9]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    model = helper.make_model(
        helper.make_graph([node], "roi", inputs, outputs), opset_imports=[helper.make_opsetid("", 16)]
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    fed = {"x": x.numpy(), "boxes": boxes[:, 1:].numpy(), "images": boxes[:, 0].long().numpy()}
    want = torch.from_numpy(session.run(None, fed)[0])
    got = roi_align(x, boxes, (3, 4), 0.5, sampling, aligned, ours)
    assert_close(got, want, atol=2e-6, rtol=1e-5)


def test_translation_invariance() -> None:
    """A box moved by whole pixels over a map moved alike reads the same, away from the edges."""
    x = random_map(1, 2, 30, 30)
    boxes = torch.tensor([[0, 8.3, 9.1, 15.7, 17.2]], dtype=torch.float64)
    moved = boxes + torch.tensor([0, 4.0, 3.0, 4.0, 3.0])
    for mode in MODES:
        a = roi_align(x, boxes, 4, 1.0, 2, True, mode)
        b = roi_align(x.roll((3, 4), (2, 3)), moved, 4, 1.0, 2, True, mode)
        assert_close(a, b, atol=1e-12, rtol=0)


def test_resize_invariance() -> None:
    """On a linear ramp, resized by interpolation, the aligned operator reads the same values from the
    scaled box.
    """
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(24.0), indexing="ij")
    ramp = (3 * y - 2 * x)[None, None].double()
    larger = torch.nn.functional.interpolate(ramp, scale_factor=2, mode="bilinear", align_corners=False)
    boxes = torch.tensor([[0, 4.3, 5.1, 15.7, 13.2]], dtype=torch.float64)
    doubled = boxes * torch.tensor([1, 2, 2, 2, 2])
    for mode in ("avg", "prroi"):
        a, b = (
            roi_align(ramp, boxes, 4, 1.0, 2, True, mode),
            roi_align(larger, doubled, 4, 1.0, 2, True, mode),
        )
        assert_close(a, b, atol=1e-10, rtol=0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2e-3), (torch.bfloat16, 1.6e-2)])
def test_half_types_round_only_features(dtype: torch.dtype, tolerance: float, mode: str) -> None:
    """On a smooth map an error in the coordinates would show; only the output's own rounding may."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 100), torch.linspace(0, 1, 120), indexing="ij")
    smooth = torch.stack([y + x, y - x])[None].to(dtype)
    boxes = random_boxes(20, 1, 400, 480).float()
    for layout in (torch.contiguous_format, torch.channels_last):
        got = roi_align(smooth.contiguous(memory_format=layout), boxes, 7, 0.25, 2, True, mode)
        want = roi_align(smooth.double(), boxes.double(), 7, 0.25, 2, True, mode)
        assert got.dtype == dtype
        assert (got.double() - want).abs().max() <= tolerance * 0.5


@pytest.mark.parametrize("mode", MODES)
def test_same_bits_at_any_thread_count(mode: str) -> None:
    x = random_map(2, 70, 20, 25).float().contiguous(memory_format=torch.channels_last)
    boxes = random_boxes(30, 2, 80, 100).float()
    bits = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            leaf, moving = x.clone().requires_grad_(), boxes.clone().requires_grad_()
            out = roi_align(leaf, moving, 5, 0.25, 2, True, mode)
            bits.append((out, *torch.autograd.grad(out.square().sum(), (leaf, moving))))
    finally:
        torch.set_num_threads(threads)
    for other in bits[1:]:
        assert all(torch.equal(a, b) for a, b in zip(bits[0], other, strict=True))


def test_a_pixel_without_weight_is_not_read() -> None:
    x = torch.ones(1, 1, 6, 6)
    x[0, 0, 5, 5] = torch.inf
    far = torch.tensor([[0, 20.0, 20.0, 24.0, 24.0], [0, 0.0, 0.0, 4.0, 4.0]])
    assert roi_align(x, far, 2, 1.0, 2, True).flatten().tolist() == [0.0] * 4 + [1.0] * 4
