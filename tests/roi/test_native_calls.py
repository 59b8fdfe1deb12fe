"""The C kernels against the tensor code: the same values, choices and gradients in every mode, layout and precision."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from archlab.roi import multiscale_roi_align, native_calls, roi_align, roi_pool
from archlab.roi.geometry import POOL_MODES, checked_geometry
from archlab.roi.kernels import roi_choose
from archlab.roi.native_library import native_library

from .oracles import random_boxes, random_map

pytestmark = pytest.mark.skipif(native_library() is None, reason="no C compiler here")

MODES = ["avg", "max", "onnx_max", "caffe", "partition"]


def boxes(count: int = 12) -> Tensor:
    """Boxes inside, outside, larger than the map, reversed, thin, and without an answer."""
    some = random_boxes(count, 2, 60, 80)
    odd = [[0, -90, -90, 200, 300], [1, 50, 40, 10, 20], [0, 500, 500, 600, 600], [1, 9, 9, 9, 9], [3, 1, 1, 5, 5]]
    return torch.cat([some, torch.tensor(odd, dtype=some.dtype)])


def run(x: Tensor, rois: Tensor, mode: str, sampling: int, aligned: bool) -> Tensor:
    if mode in POOL_MODES:
        return roi_pool(x, rois, (3, 5), (0.25, 0.3), mode)
    return roi_align(x, rois, (3, 5), (0.25, 0.3), sampling, aligned, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equal_to_the_tensor_code(mode: str, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch) -> None:
    for channels, dtype, sampling, aligned in itertools.product(
        (3, 70), (torch.float32, torch.float64), (2, -1), (True, False)
    ):
        x = random_map(2, channels, 17, 22).to(dtype).contiguous(memory_format=layout)
        rois, tolerance = boxes().to(dtype), 1e-5 if dtype == torch.float32 else 1e-12
        grad = random_map(len(rois), channels, 3, 5, seed=7).to(dtype).contiguous(memory_format=layout)
        numbers = checked_geometry([(0.25, 0.3)], (3, 5), sampling, aligned, mode, MODES).arguments
        found = []
        for native in (True, False):
            with monkeypatch.context() as patch:
                if not native:
                    patch.setattr(native_calls, "takes", lambda *_: False)
                leaf = x.clone().requires_grad_()
                out = run(leaf, rois, mode, sampling, aligned)
                still = run(x, rois, mode, sampling, aligned)
                assert torch.equal(out, still)
                assert out.is_contiguous(memory_format=layout)
                choice = None if mode == "avg" else roi_choose([x], rois, None, *numbers)
                found.append((out.detach(), torch.autograd.grad(out, leaf, grad)[0], choice))
        (out, to_map, choice), (want, to_map_too, choice_too) = found
        assert_close(out, want, atol=tolerance, rtol=tolerance)
        assert_close(to_map, to_map_too, atol=8 * tolerance, rtol=tolerance)
        assert choice is None or torch.equal(choice, choice_too)


def test_small_overlapping_and_scattered_boxes_alike() -> None:
    """Planes are turned box by box or all at once, whichever is less: a box reads the same either way."""
    x, rois = random_map(1, 66, 40, 50).float(), random_boxes(40, 1, 40, 50).float()
    for mode in MODES:
        numbers = checked_geometry([1.0], 3, 2, True, mode, MODES)
        together = native_calls.pooled([x], rois, None, numbers)
        apart = torch.cat([native_calls.pooled([x], rois[k : k + 1], None, numbers) for k in range(len(rois))])
        assert torch.equal(together, apart)


def test_more_channels_than_are_turned_at_once() -> None:
    """Planes are turned 256 channels at a time; what is left over is no whole vector."""
    x, rois = random_map(1, 300, 9, 11).float(), random_boxes(7, 1, 9, 11).float()
    last = x.contiguous(memory_format=torch.channels_last)
    for mode in MODES:
        numbers = checked_geometry([1.0], 3, 2, True, mode, MODES)
        want, choice = native_calls.pooled_and_choice([last], rois, None, numbers)
        assert torch.equal(native_calls.pooled([x], rois, None, numbers), want)
        picked = None if mode == "avg" else choice
        back = [native_calls.spread(want, picked, rois, None, [(1, 9, 11)], flag, numbers)[0] for flag in (True, False)]
        assert_close(back[0], back[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_order_of_boxes_changes_no_bit(layout: torch.memory_format) -> None:
    """They are worked on along a curve over the map, whatever their order, and outputs keep their places."""
    x = random_map(2, 40, 20, 24).float().contiguous(memory_format=layout).requires_grad_()
    rois = torch.cat([random_boxes(30, 2, 60, 80), boxes(0)]).float()
    shuffled = torch.randperm(len(rois), generator=torch.Generator().manual_seed(0))
    one, other = run(x, rois, "avg", 2, True), run(x, rois[shuffled], "avg", 2, True)
    assert torch.equal(one[shuffled], other)
    grad = torch.randn(one.shape, generator=torch.Generator().manual_seed(1))
    to_map, to_map_too = torch.autograd.grad(one, x, grad)[0], torch.autograd.grad(other, x, grad[shuffled])[0]
    assert torch.equal(to_map, to_map_too)


def test_views_are_read_where_they_lie() -> None:
    """Crops, slices of channels and expanded maps have steps of their own."""
    wide = random_map(3, 40, 20, 24).float()
    rois = random_boxes(8, 3, 12, 14).float()
    for x in (wide[:, 4:30, 3:15, 5:19], wide[:1].expand(3, -1, -1, -1), wide.transpose(2, 3)):
        for mode in MODES:
            assert torch.equal(run(x, rois, mode, 2, True), run(x.contiguous(), rois, mode, 2, True))
    last = wide.contiguous(memory_format=torch.channels_last)
    many = last[:1].expand(400, -1, -1, -1)
    assert native_calls._in_layout([many], True)[0].data_ptr() == last.data_ptr()


def test_levels_of_different_layouts() -> None:
    maps = [random_map(2, 5, 16, 20), random_map(2, 5, 8, 10).contiguous(memory_format=torch.channels_last)]
    rois, levels = random_boxes(9, 2, 64, 80), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 2])
    same = [x.contiguous() for x in maps]
    got, want = (multiscale_roi_align(each, rois, 3, [4, 8], 2, levels=levels) for each in (maps, same))
    assert torch.equal(got, want)
    assert want[8].abs().sum() == 0


def test_a_choice_that_cannot_be_reads_nothing() -> None:
    """A choice is an argument of an operator, and anybody's number: memory beyond the map stays unread."""
    x, rois = random_map(1, 3, 6, 7).float(), torch.tensor([[0, 1.0, 1, 4, 4]])
    for mode in ("max", "onnx_max", "caffe"):
        g = checked_geometry([1.0], 2, 2, True, mode, MODES)
        choice = torch.tensor([2**31 - 1, -(2**31), 10**6, 42], dtype=torch.int32).view(1, 1, 2, 2).expand(1, 3, 2, 2)
        assert native_calls.chosen([x], choice, rois, None, g).abs().sum() == 0
        (back,) = native_calls.spread(torch.ones(1, 3, 2, 2), choice, rois, None, [(1, 6, 7)], False, g)
        assert back.abs().sum() == 0


def test_threads_give_the_same_bits() -> None:
    x, rois = random_map(1, 256, 30, 40).float(), random_boxes(90, 1, 120, 160).float()
    threads = torch.get_num_threads()
    bits = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for layout in (torch.contiguous_format, torch.channels_last):
                leaf = x.contiguous(memory_format=layout).requires_grad_()
                out = roi_align(leaf, rois, 7, 0.25, 2, True)
                bits.append((out, torch.autograd.grad(out.square().sum(), leaf)[0]))
    finally:
        torch.set_num_threads(threads)
    assert bits[0][0].numel() > 2 * native_calls.OUTPUTS_OF_A_THREAD
    for one, two in zip(bits[:2], bits[2:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
