"""Batches at several sizes: boxes stay on their pixels, sides on the stride, and a detector is trained at each."""

from __future__ import annotations

import pytest
import torch

from archlab.detect.measure_ap import small_faster_rcnn
from archlab.detect.multiscale import FACTOR, MULTIPLE, resize_batch
from archlab.detect.shapes import drawn_shapes
from archlab.detect.train_detector import Schedule, train
from tests.detect.networks import graph_of


def test_boxes_stay_on_their_pixels_and_sides_on_the_stride():
    images = torch.zeros(2, 3, 96, 128)
    images[0, :, 24:72, 32:96] = 1
    boxes = [torch.tensor([[32.0, 24.0, 96.0, 72.0]]), torch.zeros(0, 4)]
    sizes = set()
    for seed in range(60):
        shown, (moved, none) = resize_batch(images, boxes, torch.Generator().manual_seed(seed))
        height, width = shown.shape[-2:]
        sizes.add((height, width))
        assert none.shape == (0, 4)
        assert moved[0].tolist() == pytest.approx([width / 4, height / 4, 3 * width / 4, 3 * height / 4])
        rows, columns = (shown[0, 0] > 0.5).nonzero().T
        assert abs(rows.min() - height / 4) <= 1
        assert abs(columns.max() + 1 - 3 * width / 4) <= 1
        assert float(shown[1].abs().max()) == 0
    # Factors from 2/3 to 3/2 of 3 by 4 times 32 pixels, each side rounded by itself.
    assert sizes == {(64, 96), (96, 96), (96, 128), (96, 160), (128, 160), (128, 192)}
    assert (FACTOR, MULTIPLE) == (1.5, 32)


def test_a_small_image_keeps_a_side_of_the_stride():
    shown, _ = resize_batch(torch.zeros(1, 3, 32, 32), [torch.zeros(0, 4)], torch.Generator().manual_seed(3))
    assert shown.shape[-2:] in ((32, 32), (64, 64))


def test_a_detector_is_trained_at_several_sizes_and_twice_alike():
    data = drawn_shapes(4, (64, 64), 0)
    losses, seen = [], []
    for _ in range(2):
        model = small_faster_rcnn(graph_of(), data, 0)
        model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[-2:])))
        losses.append(train(model, data, Schedule(steps=4, batch_size=2, augment=("multiscale",)), 0))
    assert losses[0] == losses[1]
    assert seen[:4] == seen[4:]
    assert len(set(seen)) > 1
