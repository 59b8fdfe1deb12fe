"""Training images through random windows: pixels and boxes move together, and no image loses all of its boxes."""

from __future__ import annotations

import math

import pytest
import torch

from archlab.detect.scale_jitter import jitter_scale
from archlab.detect.shapes import drawn_shapes
from archlab.detect.train_detector import Schedule, train

HEIGHT, WIDTH = 48, 64


def bright(*boxes):
    """An image of zeros with ones in each box."""
    image = torch.zeros(1, 3, HEIGHT, WIDTH)
    for x1, y1, x2, y2 in boxes:
        image[..., y1:y2, x1:x2] = 1
    return image, [torch.tensor(boxes, dtype=torch.float32)], [torch.arange(1, len(boxes) + 1)]


def extent(image):
    """The x1, y1, x2, y2 of what is brighter than a half."""
    rows, columns = (image[0, 0] > 0.5).nonzero().T
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize(
    ("augment", "low", "high"), [(["scale"], 0.5, 1), (["crop"], 1, 2), (["scale", "crop"], 0.5, 2)]
)
def test_a_box_moves_with_its_pixels_by_factors_within_the_bounds(augment, low, high):
    images, boxes, labels = bright((20, 10, 44, 30))
    factors = []
    for seed in range(40):
        rng = torch.Generator().manual_seed(seed)
        shown, (moved,), (kept,) = jitter_scale(images, boxes, labels, augment, rng)
        assert kept.tolist() == [1]
        assert moved[0].tolist() == pytest.approx([float(side) for side in extent(shown)], abs=1.01)
        factors.append(((moved[0, 2] - moved[0, 0]) / 24).item())
    assert min(factors) >= low - 1e-4
    assert max(factors) <= high + 1e-4
    middle = math.sqrt(low * high)
    assert min(factors) < middle < max(factors)


def test_what_is_cut_off_is_left_out_and_a_crop_keeps_a_box():
    images, boxes, labels = bright((0, 0, 6, 6), (58, 42, 64, 48))
    left = set()
    for seed in range(30):
        _, (moved,), (kept,) = jitter_scale(images, boxes, labels, ["crop"], torch.Generator().manual_seed(seed))
        assert len(moved) == len(kept) >= 1
        assert moved.min() >= 0
        assert (moved[:, 2] <= WIDTH).all()
        assert (moved[:, 3] <= HEIGHT).all()
        left.add(tuple(kept.tolist()))
    assert left >= {(1,), (2,)}, "each of the two far corners by itself in some crop"


def test_an_image_without_a_box_and_a_box_larger_than_the_window_are_shown_too():
    images, boxes, labels = bright((0, 0, WIDTH, HEIGHT))
    empty = [torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.long)]
    for seed in range(5):
        _, (moved,), _ = jitter_scale(images, boxes, labels, ["crop"], torch.Generator().manual_seed(seed))
        assert moved.tolist() == [[0, 0, WIDTH, HEIGHT]]
        _, (none,), _ = jitter_scale(images, *empty, ["scale", "crop"], torch.Generator().manual_seed(seed))
        assert none.shape == (0, 4)


def test_a_training_takes_jittered_images():
    class Seen(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))
            self.seen = []

        def forward(self, images, targets):
            self.seen.append((torch.stack(images), targets))
            return {"loss": self.weight.square()}

    data = drawn_shapes(4, (32, 32), 0)
    models = [Seen() for _ in range(3)]
    for model, augment in zip(models, [(), ("scale", "crop"), ("scale", "crop")], strict=True):
        train(model, data, Schedule(steps=2, batch_size=4, augment=augment), 5)
    plain, first, again = (model.seen[0][0] for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(plain, first)
    assert all(len(target["boxes"]) == len(target["labels"]) for target in models[1].seen[0][1])
