"""The cases of detectron2's tests of ROIAlign and ROIPooler."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from archlab.roi import assign_levels, multiscale_roi_align, roi_align
from tests.roi.oracles import random_boxes, random_map


@pytest.mark.parametrize("box", [[0.0, 3, 4, 10, 11], [0, 2.3, 1.1, 17.9, 15.4]])
def test_like_sampling_a_grid(box: list[float]) -> None:
    """One sample per bin, aligned, is what grid_sample reads at the centres of the bins."""
    x = random_map(1, 3, 20, 24)
    rois = torch.tensor([box], dtype=torch.float64)
    got = roi_align(x, rois, (5, 6), 1.0, 1, True)
    _, x1, y1, x2, y2 = box
    rows = y1 + (torch.arange(5).double() + 0.5) * (y2 - y1) / 5
    columns = x1 + (torch.arange(6).double() + 0.5) * (x2 - x1) / 6
    grid = torch.stack([(columns / 24 * 2 - 1).expand(5, 6), (rows / 20 * 2 - 1)[:, None].expand(5, 6)], -1)
    want = functional.grid_sample(x, grid[None], align_corners=False, padding_mode="border")
    assert_close(got, want, atol=1e-12, rtol=0)


def test_a_box_of_whole_pixels_is_a_crop() -> None:
    """Bins of one pixel with one sample, aligned, are the pixels."""
    x = random_map(1, 2, 9, 9)
    assert_close(roi_align(x, torch.tensor([[0, 2.0, 3, 6, 8]]).double(), (5, 4), 1.0, 1, True), x[:, :, 3:8, 2:6])


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_an_empty_box(scale: float) -> None:
    """Without width all samples of a row fall on one point; the gradient stays finite."""
    x = random_map(1, 1, 5, 5).requires_grad_()
    out = roi_align(x, torch.tensor([[0, 3.0, 3.0, 3.0, 3.0]]).double(), 7, scale, 2, True)
    assert out.isfinite().all()
    assert out.std() < 1e-12
    out.sum().backward()
    assert_close(x.grad.sum(), torch.tensor(49.0).double())


def test_no_images_and_no_boxes() -> None:
    assert roi_align(torch.zeros(0, 3, 10, 10), torch.zeros(0, 5), 7).shape == (0, 3, 7, 7)
    assert roi_align(torch.zeros(2, 3, 10, 10), torch.zeros(0, 5), 7).shape == (0, 3, 7, 7)


def test_each_box_is_pooled_from_its_level() -> None:
    maps = [random_map(2, 4, 64 // s, 64 // s, seed=s) for s in (1, 2, 4, 8)]
    rois = random_boxes(40, 2, 256, 256)
    rois[:, 3:] = rois[:, 1:3] + 2 ** torch.linspace(2, 9, 40)[:, None].double()
    levels = assign_levels(rois, 2, 5, assignment="detectron2")
    assert sorted(levels.unique().tolist()) == [0, 1, 2, 3]
    got = multiscale_roi_align(maps, rois, 7, [4, 8, 16, 32], 0, True, assignment="detectron2")
    for k, level in enumerate(levels.tolist()):
        want = roi_align(maps[level], rois[k : k + 1], 7, 1 / (4 << level), 0, True)
        assert_close(got[k : k + 1], want, atol=1e-12, rtol=0)
