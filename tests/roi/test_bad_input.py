"""Bad input: zeros in the documented way or a clear ValueError; never a crash, never memory out of bounds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from archlab.roi import RoIError, roi_align, roi_pool

from .oracles import random_map

MODES = ["avg", "max", "onnx_max", "prroi", "caffe", "partition"]
NAN, INF = float("nan"), float("inf")


def call(x: Tensor, boxes: Tensor, mode: str, sampling: int = 2, aligned: bool = True, scale: float = 1.0) -> Tensor:
    if mode in ("caffe", "partition"):
        return roi_pool(x, boxes, 2, scale, mode)
    return roi_align(x, boxes, 2, scale, sampling, aligned, mode)


@pytest.mark.parametrize("mode", MODES)
def test_bad_boxes_are_zero_and_good_ones_are_not(mode: str) -> None:
    x = random_map(2, 3, 8, 9).abs().requires_grad_()
    good = [1, 1.0, 1.0, 6.0, 5.0]
    bad = [
        [0, NAN, 1, 4, 4],
        [0, 1, 1, INF, 4],
        [0, 1, -INF, 4, 4],
        [NAN, 1, 1, 4, 4],
        [2, 1, 1, 4, 4],
        [-1, 1, 1, 4, 4],
        [1e30, 1, 1, 4, 4],
        [0, 1, 1, 1e9, 4],
    ]
    boxes = torch.tensor([good, *bad, good], dtype=torch.float64, requires_grad=True)
    out = call(x, boxes, mode)
    assert torch.equal(out[1:-1], torch.zeros_like(out[1:-1]))
    assert (out[0] > 0).all()
    assert torch.equal(out[0], out[-1])
    to_x, to_boxes = torch.autograd.grad(out.sum(), (x, boxes))
    assert to_x[0].abs().sum() == 0
    assert torch.equal(to_boxes[1:-1], torch.zeros_like(to_boxes[1:-1]))
    assert to_x.isfinite().all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("shape", "count"),
    [((2, 3, 8, 9), 0), ((0, 3, 8, 9), 0), ((2, 0, 8, 9), 2), ((2, 3, 0, 9), 2), ((2, 3, 8, 0), 2)],
)
def test_nothing_in_nothing_out(mode: str, shape: tuple[int, ...], count: int) -> None:
    x = torch.ones(shape, dtype=torch.float32, requires_grad=True)
    boxes = torch.tensor([[0, 1.0, 1, 5, 5], [1, 2, 2, 6, 6]])[:count].requires_grad_()
    out = call(x, boxes, mode)
    assert out.shape == (count, shape[1], 2, 2)
    assert out.abs().sum() == 0
    to_x, _ = torch.autograd.grad(out.sum(), (x, boxes), allow_unused=True)
    assert torch.equal(to_x, torch.zeros_like(x))


def test_a_box_for_no_images_is_zero() -> None:
    assert call(torch.ones(0, 3, 4, 4), torch.tensor([[0, 0.0, 0, 2, 2]]), "avg").abs().sum() == 0


X = torch.ones(2, 3, 8, 9)
BOX = torch.tensor([[0, 1.0, 1, 5, 5]])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((X[0], BOX, 2), r"must be \(N, C, H, W\), not of rank 3"),
        ((X.long(), BOX, 2), "must be float64, float32, float16 or bfloat16"),
        ((X, BOX[:, 1:], 2), r"must be \(K, 5\), not \(1, 4\)"),
        ((X, BOX[0], 2), r"must be \(K, 5\), not \(5,\)"),
        ((X, BOX.long(), 2), "boxes must be floating point"),
        ((X, [BOX[:, 1:]], 2), "1 lists of boxes for a batch of 2 images"),
        ((X, [BOX, BOX], 2), r"image 0 must be a tensor \(L, 4\), not \(1, 5\)"),
        ((X, BOX.to("meta"), 2), "boxes are on meta"),
        ((X, BOX, 0), "output_size must be one or two integers"),
        ((X, BOX, (2, 3, 4)), "output_size must be one or two integers"),
        ((X, BOX, 2.5), "output_size must be"),
        ((X, BOX, 2, 0.0), "scale or stride must be one or two positive numbers"),
        ((X, BOX, 2, NAN), "scale or stride must be"),
        ((X, BOX, 2, 1.0, 10**6), "sampling_ratio must be an integer up to 128"),
        ((X, BOX, 2, 1.0, 2, True, "mxa"), "mode 'mxa' is not known here"),
    ],
)
def test_rules(args: tuple, message: str) -> None:
    with pytest.raises(RoIError, match=message):
        roi_align(*args)
    assert issubclass(RoIError, ValueError)


def test_operators_called_directly_check_too() -> None:
    with pytest.raises(ValueError, match="must be"):
        torch.ops.archlab.roi_align([X], BOX[:, :4], None, None, None, [1.0, 1.0], [2, 2], 2, True, "avg")
    with pytest.raises(ValueError, match="2 maps, 1 scales"):
        torch.ops.archlab.roi_align([X, X], BOX, None, None, None, [1.0, 1.0], [2, 2], 2, True, "avg")


coordinate = st.one_of(
    st.floats(-20, 40, width=32),
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1e-38, 3e38, -3e38, 2.0**24, 2.0**25, 1e6, -1.0, 8.0, 9.0]),
)
box = st.tuples(st.one_of(st.integers(-1, 3).map(float), coordinate), *[coordinate] * 4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    boxes=st.lists(box, max_size=5),
    shape=st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)),
    mode=st.sampled_from(MODES),
    sampling=st.sampled_from([-1, 0, 1, 2, 5]),
    aligned=st.booleans(),
    scale=st.sampled_from([1.0, 0.25, 1e-3, 100.0]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
    last=st.booleans(),
)
def test_fuzzed(boxes, shape, mode, sampling, aligned, scale, dtype, last) -> None:
    """Whatever the boxes: every value lies within the map's range (and 0), every gradient is finite."""
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.linspace(1, 2, max(1, torch.Size(shape).numel()))[: torch.Size(shape).numel()].view(shape)
    x = x.to(dtype).contiguous(memory_format=layout).requires_grad_()
    rois = torch.tensor(boxes, dtype=torch.float32).view(-1, 5).requires_grad_()
    out = call(x, rois, mode, sampling, aligned, scale)
    assert out.shape == (len(boxes), shape[1], 2, 2)
    assert out.dtype == dtype
    assert out.isfinite().all()
    if out.numel():
        # Rounding of thin integrals may pass the range by a little.
        assert out.min() >= -0.02
        assert out.max() <= 2.02
    to_x, to_boxes = torch.autograd.grad(out.float().sum(), (x, rois), allow_unused=True)
    assert to_x.isfinite().all()
    assert to_boxes is None or to_boxes.isfinite().all()
