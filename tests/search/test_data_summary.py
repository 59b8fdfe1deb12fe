"""Detection data as a result keeps it."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path

import pytest

import archlab
from archlab.detect.data_source import Source
from archlab.search.data_summary import LONGER_SIDE, summarize_data
from archlab.search.result import read_result

Image = pytest.importorskip("PIL.Image", reason="needs Pillow")


def write(folder: Path, name: str, images: int) -> Path:
    """Images of 80 by 40 pixels, red, each with a box of class ``cell`` and one that training leaves out."""
    folder.mkdir(exist_ok=True)
    for i in range(images):
        Image.new("RGB", (80, 40), "red").save(folder / f"{name}{i}.png")
    text = {
        "images": [{"id": i, "file_name": f"{name}{i}.png", "width": 80, "height": 40} for i in range(images)],
        "annotations": [
            {"id": 2 * i + k, "image_id": i, "category_id": 7, "bbox": [8, 4, 16, 8 * (1 - k)], "area": 1, "iscrowd": 0}
            for i in range(images)
            for k in (0, 1)
        ],
        "categories": [{"id": 7, "name": "cell"}],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(text), encoding="utf-8")
    return path


def test_counts_names_and_pictures_without_the_padding(tmp_path: Path):
    folder = tmp_path / "cells"
    shown = summarize_data(Source(write(folder, "train", 5), write(folder, "val", 2)), (64, 64))
    assert (shown.classes, shown.size) == (("cell",), (64, 64))
    assert (shown.training.source, shown.training.images, shown.training.boxes) == ("cells/train.json", 5, {"cell": 5})
    assert (shown.validation.source, shown.validation.images) == ("cells/val.json", 2)
    assert shown.left_out == {"no area": 7}
    assert str(tmp_path) not in repr(shown)
    assert len(shown.examples) == 2
    example = shown.examples[0]
    assert (example.width, example.height) == (64, 32)
    assert (example.boxes, example.labels) == (((6.4, 3.2, 19.2, 9.6),), (1,))
    with Image.open(io.BytesIO(base64.b64decode(example.jpeg))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 32))
        red, green, _ = picture.getpixel((63, 31))
    assert red > 240 > 15 > green


def test_large_images_are_made_small_and_a_lot_is_named(tmp_path: Path):
    shown = summarize_data(Source(write(tmp_path, "train", 10), None, 3), (400, 800))
    assert (shown.training.images, shown.validation.images) == (8, 2)
    assert shown.validation.source == f"{tmp_path.name}/train.json, drawn randomly with seed 3"
    assert shown.left_out == {"no area": 10}, "counted once, as the two are of one file"
    example = shown.examples[0]
    assert (example.width, example.height) == (800, 400)
    with Image.open(io.BytesIO(base64.b64decode(example.jpeg))) as picture:
        assert picture.size == (LONGER_SIDE, LONGER_SIDE // 2)


TINY = """
net tiny(input=3x64x64)
stem: conv({4, 8}, 3, s=2)
stage1: conv(8, 3, s=2)
stage2: conv(8, 3, s=2)
"""


def test_a_search_for_detectors_keeps_its_data_at_the_size_that_networks_see(tmp_path: Path):
    folder = tmp_path / "cells"
    source = write(folder, "train", 6)
    found = archlab.search(
        archlab.parse(TINY), objective="level_entropy", data=source, trials=1, latency=False, out=tmp_path / "out"
    )
    assert found.data is not None
    assert found.data.size == (64, 64)
    assert found.data.training.boxes == {"cell": 5}
    assert read_result(tmp_path / "out" / "result.json").data == found.data
    assert (
        archlab.search(archlab.parse(TINY), objective="params", trials=1, out=tmp_path / "other", latency=False).data
        is None
    )


def test_of_a_picture_with_many_boxes_the_first_are_kept(monkeypatch):
    whole = summarize_data(Source(), (48, 64)).examples
    assert any(len(each.boxes) > 1 for each in whole)
    monkeypatch.setattr(sys.modules[summarize_data.__module__], "MOST_BOXES", 1)
    cut = summarize_data(Source(), (48, 64)).examples
    assert [(each.boxes, each.labels) for each in cut] == [(each.boxes[:1], each.labels[:1]) for each in whole]
