"""Data sets of many classes, images or boxes: what is done grows with them, and not with their square."""

from __future__ import annotations

import json

import pytest
import torch

from archlab.detect import average_precision as ap_module
from archlab.detect.average_precision import average_precision
from archlab.detect.coco import check_annotations, read_annotations
from archlab.detect.dataset import DetectionData, split
from archlab.detect.proposals import propose
from tests.steps import Compared, ComparedNumber, count_calls, ends_soon

MANY = 30_000


def coco(images: int, boxes: int, classes: int) -> dict:
    """Boxes over the images and the classes in turn."""
    return {
        "images": [{"id": i, "file_name": "a.png", "width": 64, "height": 64} for i in range(1, images + 1)],
        "annotations": [
            {"id": i + 1, "image_id": i % images + 1, "category_id": i % classes + 1, "bbox": [i % 32, 8, 16, 16]}
            for i in range(boxes)
        ],
        "categories": [{"id": i, "name": f"class {i}"} for i in range(1, classes + 1)],
    }


def data_of(content: dict) -> DetectionData:
    of_image: dict[int, list[dict]] = {entry["id"]: [] for entry in content["images"]}
    for entry in content["annotations"]:
        entry.update(area=256, iscrowd=0)
        of_image[entry["image_id"]].append(entry)
    boxes = [torch.tensor([e["bbox"] for e in own], dtype=torch.float32).reshape(-1, 4) for own in of_image.values()]
    return DetectionData(
        "made",
        tuple(entry["name"] for entry in content["categories"]),
        torch.zeros(1, 3, 8, 8, dtype=torch.uint8).expand(len(of_image), 3, 8, 8),
        tuple(torch.cat([b[:, :2], b[:, :2] + b[:, 2:]], dim=1) for b in boxes),
        tuple(torch.tensor([e["category_id"] for e in own], dtype=torch.int64) for own in of_image.values()),
        (1.0,) * len(of_image),
        content,
        tuple(of_image),
        tuple(entry["id"] for entry in content["categories"]),
        {},
    )


def written(folder, content: dict):
    (folder / "a.png").touch()  # it is found, and not read
    source = folder / "train.json"
    source.write_text(json.dumps(content), encoding="utf-8")
    return source


def test_thirty_thousand_classes_are_read_and_named_without_comparing_each_with_each(tmp_path):
    source = written(tmp_path, coco(1, 1, 2))
    content = coco(1, MANY, MANY)
    for entry in content["categories"]:
        entry["name"] = Compared("same" if entry["id"] > MANY - 2 else entry["name"])
    Compared.times = 0
    with ends_soon():
        read = check_annotations(content, source)
    assert Compared.times < 10 * MANY
    assert len(read.classes) == MANY
    assert read.classes[-2:] == (f"same ({MANY - 1})", f"same ({MANY})")


@pytest.mark.parametrize(("images", "boxes"), [(4000, 4000), (1, 20_000)])
def test_twice_as_much_data_takes_twice_as_many_steps_to_read(tmp_path, images, boxes):
    source = written(tmp_path, coco(1, 1, 3))
    few, many = (coco(n * images, n * boxes, 3) for n in (1, 2))
    assert count_calls(lambda: check_annotations(many, source)) < 2.1 * count_calls(
        lambda: check_annotations(few, source)
    )


def test_one_image_with_a_hundred_thousand_boxes_is_read(tmp_path):
    with ends_soon():
        read = read_annotations(written(tmp_path, coco(1, 100_000, 3)))
    assert len(read.images[0].boxes) == 100_000


def test_background_is_compared_with_many_boxes_a_part_at_a_time():
    data = data_of(coco(1, 10_000, 3))
    rng = torch.Generator().manual_seed(0)
    found = propose(data, [0], rng, 16)
    assert (found.labels > 0).sum() == 8, "of half the boxes the image is full: no background fits beside them"


def test_the_boxes_sizes_are_put_together_once_and_not_at_every_step():
    data = data_of(coco(50, 100, 3))
    propose(data, [0, 1], torch.Generator().manual_seed(0), 8)
    assert data.sides is vars(data)["sides"], "the step before has made them"
    assert data.sides.shape == (100, 2)


def test_ap_of_many_classes_looks_at_those_that_an_image_has():
    pytest.importorskip("pycocotools")
    classes, images = 3000, 40
    content = coco(images, images, classes)
    for entry in content["categories"]:
        entry["id"] = ComparedNumber(entry["id"])
    data = data_of(content)
    found = [
        {"boxes": boxes, "labels": labels, "scores": torch.ones(len(boxes))}
        for boxes, labels in zip(data.boxes, data.labels, strict=True)
    ]
    ComparedNumber.times = 0
    with ends_soon(calls=2_000_000):
        ap = average_precision(found, data)
    assert ComparedNumber.times < 10 * classes
    assert ap.ap == pytest.approx(1)
    assert sum(value == pytest.approx(1) for value in ap.by_class.values()) == images


@pytest.mark.parametrize("at_once", [1, 2])
def test_ap_is_the_same_however_many_classes_are_evaluated_together(monkeypatch, at_once):
    pytest.importorskip("pycocotools")
    data = data_of(coco(6, 40, 5))
    rng = torch.Generator().manual_seed(0)
    found = [
        {
            "boxes": boxes + 4 * torch.rand(boxes.shape, generator=rng),
            "labels": labels,
            "scores": torch.rand(len(boxes), generator=rng),
        }
        for boxes, labels in zip(data.boxes, data.labels, strict=True)
    ]
    expected = average_precision(found, data)
    monkeypatch.setattr(ap_module, "AT_ONCE", at_once)
    apart = average_precision(found, data)
    assert 0 < expected.ap < 1
    assert (apart.ap, apart.ap50, apart.small) == pytest.approx((expected.ap, expected.ap50, expected.small))
    assert apart.by_class == pytest.approx(expected.by_class, nan_ok=True)


def test_a_split_of_many_images_takes_as_many_steps_as_there_are_images():
    few, many = (data_of(coco(n, n, 3)) for n in (2000, 4000))
    assert count_calls(lambda: split(many, 0.2, 0)) < 2.1 * count_calls(lambda: split(few, 0.2, 0))
