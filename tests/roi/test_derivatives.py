"""Derivatives of every kind, against finite differences and against each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from archlab.roi import multiscale_roi_align, roi_align, roi_pool

from .oracles import random_map

MODES = ["avg", "max", "onnx_max", "prroi"]
# No sample within finite difference of a pixel's edge, where the surface has a kink.
CORNERS = torch.tensor([[1.13, 0.71, 4.27, 5.33], [0.37, 2.21, 5.9, 4.43], [-1.3, -0.9, 9.7, 8.1]]).double()
IMAGES = torch.tensor([[0.0], [1.0], [0.0]], dtype=torch.float64)
BOXES = torch.cat([IMAGES, CORNERS], 1)


def operator(mode: str, sampling: int, aligned: bool) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, boxes: roi_align(x, boxes, (2, 3), (0.83, 0.91), sampling, aligned, mode)


def of_corners(mode: str, sampling: int, aligned: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """The image's number is an index: there is no differentiating along it."""
    f = operator(mode, sampling, aligned)
    return lambda x, corners: f(x, torch.cat([IMAGES[: len(corners)], corners], 1))


def leaves() -> tuple[Tensor, Tensor]:
    return random_map(2, 2, 6, 7).requires_grad_(), CORNERS.clone().requires_grad_()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("sampling", "aligned"), [(2, True), (-1, False)])
def test_gradcheck_forward_and_backward(mode: str, sampling: int, aligned: bool) -> None:
    assert gradcheck(of_corners(mode, sampling, aligned), leaves(), check_forward_ad=True, fast_mode=True)


@pytest.mark.parametrize("mode", MODES)
def test_gradgradcheck(mode: str) -> None:
    x, corners = leaves()
    small = x[:, :1].detach().requires_grad_()
    assert gradgradcheck(of_corners(mode, 2, True), (small, corners), check_fwd_over_rev=True, fast_mode=True)
    tiny = small[:1, :, 1:5, :4].detach().requires_grad_()
    assert gradgradcheck(of_corners(mode, 2, True), (tiny, corners[:1].detach().requires_grad_()))


def test_third_derivative() -> None:
    """Directions of directions: f = sum(g · A f) has a third derivative along x1, y1 and the map."""
    x, boxes = random_map(1, 1, 6, 7), BOXES[:1]

    def along(t: Tensor) -> Tensor:
        moved = torch.cat([boxes[:, :1], boxes[:, 1:2] + t[0], boxes[:, 2:3] + t[1], boxes[:, 3:]], 1)
        return (operator("avg", 2, True)(x * (1 + t[2]), moved) ** 2).sum()

    hessian = torch.func.hessian(along)
    origin = torch.zeros(3, dtype=torch.float64)
    assert_close(hessian(origin), torch.autograd.functional.hessian(along, origin), atol=1e-12, rtol=0)
    rev, fwd = torch.func.jacrev, torch.func.jacfwd
    third = rev(hessian)(origin)
    for outer, middle, inner in ((rev, rev, rev), (fwd, rev, rev), (fwd, fwd, rev), (fwd, fwd, fwd)):
        assert_close(outer(middle(inner(along)))(origin), third, atol=1e-11, rtol=0)
    step = 1e-5
    for i in range(3):
        unit = torch.eye(3, dtype=torch.float64)[i] * step
        finite = (hessian(unit) - hessian(-unit)) / (2 * step)
        assert_close(third[..., i], finite, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("mode", ["caffe", "partition"])
def test_pooling(mode: str) -> None:
    x, _ = leaves()
    assert gradcheck(lambda x: roi_pool(x, BOXES, 2, mode=mode), (x,), check_forward_ad=True)
    assert gradgradcheck(lambda x: roi_pool(x, BOXES, 2, mode=mode), (x,))


def test_levels_and_layouts() -> None:
    maps = [random_map(2, 2, 8, 9), random_map(2, 2, 4, 5).contiguous(memory_format=torch.channels_last)]
    corners = torch.cat([CORNERS[:2] * 2, CORNERS[:2] * 5])
    images = torch.cat([IMAGES[:2], IMAGES[:2]])
    levels = torch.tensor([0, 0, 1, 1])
    inputs = [t.detach().requires_grad_() for t in (*maps, corners)]

    def run(a: Tensor, b: Tensor, moving: Tensor) -> Tensor:
        return multiscale_roi_align([a, b], torch.cat([images, moving], 1), 2, [2, 5], 2, True, levels=levels)

    assert gradcheck(run, inputs, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("mode", MODES)
def test_functional_transforms_agree(mode: str) -> None:
    x, boxes = random_map(2, 2, 6, 7), BOXES
    f = operator(mode, 2, True)
    backward = torch.func.jacrev(f, argnums=1)(x, boxes)
    forward = torch.func.jacfwd(f, argnums=1)(x, boxes)
    assert_close(backward, forward, atol=1e-12, rtol=0)
    per_sample = torch.vmap(torch.func.grad(lambda x, b: f(x, b).sin().sum()), (0, None))(
        torch.stack([x, 2 * x]), boxes
    )
    leaf = (2 * x).requires_grad_()
    assert_close(per_sample[1], torch.autograd.grad(f(leaf, boxes).sin().sum(), leaf)[0], atol=1e-12, rtol=0)
