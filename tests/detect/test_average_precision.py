from __future__ import annotations

import contextlib
import copy
import dataclasses
import io
import math

import pytest
import torch

from archlab.detect.average_precision import average_precision, predict
from archlab.detect.dataset import DetectionData
from archlab.detect.shapes import CLASSES, drawn_shapes

pytest.importorskip("pycocotools")
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def prediction(boxes=(), scores=(), labels=()):
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "scores": torch.tensor(scores, dtype=torch.float32),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }


def by_hand(scale=1.0, ids=(4, 9)) -> DetectionData:
    """Two images of 200x200, categories 3 and 8; a crowd, and a box without an area."""
    rows = [
        (ids[0], 3, [10, 10, 40, 40], 0),
        (ids[0], 3, [100, 100, 20, 20], 0),
        (ids[0], 8, [60, 60, 120, 110], 0),
        (ids[0], 3, [0, 120, 60, 60], 1),
        (ids[1], 8, [20, 20, 30, 30], 0),
        (ids[1], 8, [90, 90, 0, 10], 0),
    ]
    truth = {
        "images": [{"id": id, "width": 200, "height": 200} for id in ids],
        "annotations": [
            {"id": i, "image_id": image, "category_id": c, "bbox": b, "area": b[2] * b[3], "iscrowd": crowd}
            for i, (image, c, b, crowd) in enumerate(rows, start=1)
        ],
        "categories": [{"id": 3, "name": "a"}, {"id": 8, "name": "b"}],
    }
    side = round(200 * scale)
    return DetectionData(
        "by hand", ("a", "b"), torch.zeros(2, 3, side, side, dtype=torch.uint8), (), (), (scale,) * 2, truth, ids,
        (3, 8), {},
    )  # fmt: skip


FOUND = [
    prediction(
        [[12, 9, 52, 48], [100, 100, 120, 121], [5, 130, 50, 170], [60, 70, 170, 170], [150, 5, 170, 30]],
        [0.9, 0.6, 0.8, 0.7, 0.65],
        [1, 1, 1, 2, 1],
    ),
    prediction([[20, 20, 50, 50], [22, 22, 50, 50], [100, 20, 130, 50]], [0.5, 0.95, 0.7], [2, 2, 1]),
]


def direct(data: DetectionData):
    """pycocotools called without archlab on ``FOUND``."""
    rows = [
        {"image_id": id, "category_id": (3, 8)[label - 1], "score": score, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for id, found in zip(data.image_ids, FOUND, strict=True)
        for (x1, y1, x2, y2), label, score in zip(
            *(found[k].tolist() for k in ("boxes", "labels", "scores")), strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"info": {}, **copy.deepcopy(dict(data.truth))}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def values(ap):
    return [ap.ap, ap.ap50, ap.ap75, ap.small, ap.medium, ap.large]


def test_as_pycocotools_counts_crowds_and_boxes_without_area_included():
    data = by_hand()
    expected = direct(data)
    found = average_precision(FOUND, data)
    assert values(found) == pytest.approx(expected[:6])
    assert 0 < found.ap < found.ap50 < 1
    assert sum(found.by_class.values()) / 2 == pytest.approx(found.ap)


def test_the_data_is_left_as_it_was():
    data = by_hand()
    before = copy.deepcopy(data.truth)
    average_precision([prediction(), prediction()], data)
    assert data.truth == before


def test_predictions_are_brought_back_to_pixels_on_disk():
    small = [{**found, "boxes": found["boxes"] / 4} for found in FOUND]
    assert average_precision(small, by_hand(scale=0.25)) == average_precision(FOUND, by_hand())


def test_ids_above_what_a_double_holds_are_kept_apart():
    assert average_precision(FOUND, by_hand(ids=(2**60, 2**60 + 1))) == average_precision(FOUND, by_hand())


def test_perfect_predictions_are_worth_1_and_none_0():
    data = drawn_shapes(6, (64, 64), 0)
    perfect = [
        {"boxes": boxes, "labels": labels, "scores": torch.ones(len(boxes))}
        for boxes, labels in zip(data.boxes, data.labels, strict=True)
    ]
    best = average_precision(perfect, data)
    assert (best.ap, best.ap50, best.ap75) == pytest.approx((1, 1, 1))
    assert best.by_class == pytest.approx(dict.fromkeys(CLASSES, 1))
    assert math.isnan(best.large), "no shape is 96 pixels across"
    worst = average_precision([prediction()] * 6, data)
    assert (worst.ap, worst.ap50, worst.ap75, worst.small) == (0, 0, 0, 0)
    assert worst.by_class == dict.fromkeys(CLASSES, 0)
    assert math.isnan(worst.large)


def test_a_class_without_objects_has_no_ap_whether_or_not_it_is_found():
    data = by_hand()
    truth = {**data.truth, "annotations": [a for a in data.truth["annotations"] if a["category_id"] == 8]}
    data = dataclasses.replace(data, truth=truth)
    for found in (FOUND, [prediction()] * 2):
        ap = average_precision(found, data)
        assert math.isnan(ap.by_class["a"])
        assert ap.by_class["b"] == ap.ap


def test_every_image_is_predicted_once_and_in_order():
    data = drawn_shapes(5, (16, 24), 0)
    seen: list[torch.Tensor] = []

    def detector(images):
        assert not torch.is_grad_enabled()
        seen.extend(images)
        return [prediction([[0, 0, 1, 1]], [float(image.mean())], [1]) for image in images]

    found = predict(detector, data, batch_size=2)
    assert torch.equal(torch.stack(seen), data.batch(range(5)))
    assert [p["scores"].item() for p in found] == [pytest.approx(image.mean().item()) for image in data.batch(range(5))]


def test_an_image_too_few_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        average_precision(FOUND[:1], by_hand())
