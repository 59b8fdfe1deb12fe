from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from archlab.detect.proposals import BACKGROUND_IOU, SHIFT, STRETCH, iou, jittered, offsets, propose
from archlab.detect.shapes import drawn_shapes

SIZE = (64, 96)


def random_boxes(count, seed=0, size=SIZE):
    rng = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=rng) * torch.tensor([size[1], size[0]])
    return torch.cat([corners.amin(1), corners.amax(1) + 0.5], dim=1).minimum(torch.tensor([size[1], size[0]] * 2))


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_iou_is_torchvision_s():
    ops = pytest.importorskip("torchvision.ops")
    a, b = random_boxes(40), random_boxes(30, seed=1)
    torch.testing.assert_close(iou(a, b), ops.box_iou(a, b))
    assert iou(torch.tensor([[1.0, 1, 1, 5]]), torch.tensor([[1.0, 1, 1, 5]])).item() == 0, "no area, no overlap"


def test_offsets_are_torchvision_s_and_bring_a_box_to_its_true_box():
    detection = pytest.importorskip("torchvision.models.detection._utils")
    coder = detection.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
    true = random_boxes(50)
    boxes = jittered(true, rng(), SIZE)
    found = offsets(boxes, true)
    torch.testing.assert_close(found, coder.encode([true], [boxes])[0])
    torch.testing.assert_close(coder.decode(found, [boxes])[:, 0], true, atol=1e-4, rtol=1e-4)


def test_jitter_leaves_an_iou_above_one_half_at_edges_too():
    """Cutting at the image's edge takes nothing of the overlap with a true box, which lies inside."""
    shrunk, shift = math.exp(-STRETCH), SHIFT
    overlap = (0.5 - shift + shrunk / 2) ** 2
    worst = overlap / (1 + shrunk**2 - overlap)
    assert worst > 0.5
    true = random_boxes(20_000)
    boxes = jittered(true, rng(), SIZE)
    found = torch.cat([iou(a[None], b[None]).flatten() for a, b in zip(true[:500], boxes[:500], strict=True)])
    assert found.min() >= worst - 1e-5
    both = (torch.minimum(true[:, 2:], boxes[:, 2:]) - torch.maximum(true[:, :2], boxes[:, :2])).prod(1)
    areas = sum((b[:, 2:] - b[:, :2]).prod(1) for b in (true, boxes))
    ious = both / (areas - both)
    assert worst - 1e-4 <= ious.min() < worst + 0.05, "the bound is close to tight"
    assert (boxes >= 0).all()
    assert (boxes[:, 2] <= SIZE[1]).all()
    assert (boxes[:, 3] <= SIZE[0]).all()


def test_half_the_boxes_are_jittered_truth_and_the_others_background():
    data = drawn_shapes(6, SIZE, 0)
    found = propose(data, [4, 1], rng(), 16)
    for place, index in enumerate([4, 1]):
        here = found.part(found.rois[:, 0] == place)
        true = here.part(here.labels > 0)
        assert len(true) == 8
        assert len(here) == 16
        overlap = iou(true.rois[:, 1:], data.boxes[index])
        best, which = overlap.max(1)
        assert (best > 0.5).all()
        assert torch.equal(true.labels, data.labels[index][which])
        torch.testing.assert_close(true.offsets, offsets(true.rois[:, 1:], data.boxes[index][which]))
        assert set(which.tolist()) == set(range(len(data.boxes[index]))), "each true box comes before any comes again"
        background = here.part(here.labels == 0)
        assert (iou(background.rois[:, 1:], data.boxes[index]) <= BACKGROUND_IOU).all()
        assert (background.offsets == 0).all()


def emptied(data, index):
    boxes, labels = list(data.boxes), list(data.labels)
    boxes[index], labels[index] = boxes[index][:0], labels[index][:0]
    return dataclasses.replace(data, boxes=tuple(boxes), labels=tuple(labels))


def test_an_image_without_a_box_gives_background_alone():
    found = propose(emptied(drawn_shapes(3, SIZE, 0), 1), [0, 1], rng(), 12)
    here = found.part(found.rois[:, 0] == 1)
    assert (len(here), here.labels.any().item()) == (12, False)
    assert (here.rois[:, 3:] <= torch.tensor([SIZE[1], SIZE[0]])).all()
    assert (here.rois[:, 3:] > here.rois[:, 1:3]).all()


def test_data_without_any_box_gives_background_of_a_quarter():
    data = drawn_shapes(1, SIZE, 0)
    found = propose(emptied(data, 0), [0], rng(), 4)
    torch.testing.assert_close(found.rois[:, 3:] - found.rois[:, 1:3], torch.tensor([[24.0, 16.0]]).repeat(4, 1))


def test_an_image_that_one_box_fills_has_no_room_for_background():
    data = drawn_shapes(1, SIZE, 0)
    full = torch.tensor([[0.0, 0, SIZE[1], SIZE[0]]])
    found = propose(dataclasses.replace(data, boxes=(full,), labels=(torch.tensor([2]),)), [0], rng(), 8)
    assert found.labels.tolist() == [2] * 4


def test_the_same_seed_gives_the_same_boxes_and_leaves_the_global_generator_alone():
    data = drawn_shapes(3, SIZE, 0)
    state = torch.get_rng_state()
    a, b, c = (propose(data, [0, 1, 2], rng(seed), 8) for seed in (1, 1, 2))
    assert torch.equal(a.rois, b.rois)
    assert not torch.equal(a.rois[:12], c.rois[:12])
    assert torch.equal(torch.get_rng_state(), state)
