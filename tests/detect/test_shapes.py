from __future__ import annotations

import torch

from archlab.detect.proposals import iou
from archlab.detect.shapes import CLASSES, drawn_shapes


def test_the_same_arguments_give_the_same_bits_and_another_seed_others():
    a, b, c = (drawn_shapes(4, (48, 64), seed) for seed in (0, 0, 1))
    assert torch.equal(a.images, b.images)
    assert a.truth == b.truth
    assert not torch.equal(a.images, c.images)


def test_shapes_lie_inside_apart_and_in_every_class():
    data = drawn_shapes(60, (48, 64), 0)
    boxes = torch.cat(data.boxes)
    sides = boxes[:, 2:] - boxes[:, :2]
    assert (boxes >= 0).all()
    assert (boxes[:, 2] <= 64).all()
    assert (boxes[:, 3] <= 48).all()
    assert ((sides >= 5.99) & (sides <= 24.01)).all()
    assert set(torch.cat(data.labels).tolist()) == {1, 2, 3}
    for own in data.boxes:
        assert 1 <= len(own) <= 6
        assert (iou(own, own).fill_diagonal_(0) < 0.2).all()


def test_the_truth_says_what_the_boxes_say():
    data = drawn_shapes(3, (48, 64), 0)
    rows = data.truth["annotations"]
    for id, boxes, labels in zip(data.image_ids, data.boxes, data.labels, strict=True):
        own = [row for row in rows if row["image_id"] == id]
        assert [row["category_id"] for row in own] == labels.tolist()
        corner = torch.tensor([row["bbox"] for row in own])
        torch.testing.assert_close(torch.cat([corner[:, :2], corner[:, :2] + corner[:, 2:]], dim=1), boxes)
    assert tuple(category["name"] for category in data.truth["categories"]) == CLASSES


def test_a_shape_differs_from_its_ground_where_its_box_is():
    data = drawn_shapes(30, (64, 64), 3)
    for image, boxes in zip(data.images.int(), data.boxes, strict=True):
        inside = torch.zeros(64, 64, dtype=torch.bool)
        for x1, y1, x2, y2 in boxes.round().int().tolist():
            inside[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1] = True
        ground = image[:, ~inside].float().median(1).values
        for x, y in ((boxes[:, :2] + boxes[:, 2:]) / 2).int().tolist():
            assert (image[:, y, x] - ground).abs().max() > 40
