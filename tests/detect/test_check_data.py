"""What a check says of data: counts by hand, and a sentence for each odd thing."""

from __future__ import annotations

import pytest
from PIL import Image

from archlab.detect.box_sizes import Levels
from archlab.detect.check_data import ClassCheck, check_data
from archlab.detect.data_source import find_source
from archlab.report.data_check_table import print_check
from archlab.report.terminal_tables import plain_text
from tests.detect.folders import tiny, write
from tests.detect.test_yolo import whole

LEVELS = Levels(16, (2, 3, 4))


def check(path, size=(40, 40), levels=LEVELS, **options):
    return check_data(path, find_source(path, **options), size, levels)


def spread():
    """Boxes on two levels at 40x40, which is nothing to remark on."""
    content = tiny()
    content["annotations"][0]["bbox"] = [4, 2, 16, 16]
    return content


def test_classes_sizes_and_levels_are_counted(tmp_path):
    found = check(write(tmp_path, spread()))
    (part,) = found.parts
    assert (part.name, part.format, part.images, part.without_a_box) == ("train", "COCO", 2, 1)
    assert (part.smallest, part.largest, part.different_sizes) == ((40, 20), (30, 30), 2)
    assert part.classes == (
        ClassCheck("early", 1, 1, 1, 0, 0, 0, pytest.approx(12**0.5)),
        ClassCheck("late", 1, 1, 1, 0, 0, 0, 16),
    )
    assert part.levels == {"p2": 1, "p3": 0, "p4": 1}
    assert found.odd == ("no validation data: a fifth of the images, chosen randomly by --seed, validates",)


def test_areas_are_divided_as_coco_does(tmp_path):
    content = spread()
    content["images"][0].update(width=200, height=200)
    content["annotations"] = [
        {"id": i, "image_id": 7, "category_id": 2, "bbox": [0, i, side, side]}
        for i, side in enumerate((31.9, 32, 95.9, 96))
    ]
    (part,) = check(write(tmp_path, content)).parts
    row = part.classes[0]
    assert (row.boxes, row.small, row.medium, row.large) == (4, 1, 2, 1)


def test_everything_odd_has_a_sentence(tmp_path):
    content = spread()
    content["annotations"] += [
        {**content["annotations"][0], "id": 3},
        {**content["annotations"][1], "id": 4, "bbox": [0, 0, 0.4, 0.5]},
        {**content["annotations"][1], "id": 5, "iscrowd": 1},
    ]
    content["categories"].append({"id": 99, "name": "none"})
    write(tmp_path, content)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.new("RGB", (40, 20), (1, 2, 3)).save(tmp_path / "a.png", exif=exif)
    (tmp_path / "b.png").write_bytes(b"no image")
    other = tiny()
    other["images"][0]["file_name"] = "c.png"
    other["images"][1]["file_name"] = "d.png"
    other["annotations"] = []
    write(tmp_path, other, "val.json")
    (tmp_path / "c.png").write_bytes((tmp_path / "a.png").read_bytes())
    odd = check(tmp_path).odd
    train, val = tmp_path / "train.json", tmp_path / "val.json"
    assert list(odd[:3]) == [
        f"{train}: 1 of its boxes: crowd",
        f"{train}: classes without a box: none",
        "train: 1 of 4 boxes are smaller than a pixel at the network's input of 40x40: take a larger --input, or cut "
        "the images into pieces",
    ]
    assert f"the image {tmp_path / 'b.png'} cannot be read: " in odd[3]
    assert list(odd[4:]) == [
        "train: 1 image has (a.png) an EXIF orientation: boxes are taken as those of the image as it is shown",
        "train: 1 image has (a.png) the same box of the same class more than once",
        "val: no image has a box that can be trained on: label some, or choose other classes",
        "val: 1 image has (c.png) an EXIF orientation: boxes are taken as those of the image as it is shown",
        "val: 1 image has (c.png) a twin among the training images: AP on them says little",
    ]
    assert val.is_file()


def test_another_format_in_the_same_folder_is_said(tmp_path):
    write(whole(tmp_path), tiny())
    assert f"{tmp_path} holds YOLO data too: name its file or folder to read that" in check(tmp_path).odd


def test_the_table_has_80_columns_at_most_and_shows_strange_names_as_they_are(tmp_path):
    content = spread()
    content["categories"][0]["name"] = "[red]" + "a very long name of a class " * 3
    text = plain_text(lambda console: print_check(check(write(tmp_path, content)), console))
    assert max(map(len, text.splitlines())) <= 80
    assert "[red]a" in text
    assert "boxes by level at 40x40: p2 1 (50.0 %), p3 0 (0.0 %), p4 1 (50.0 %)" in text
    assert "- no validation data: a fifth of the images" in text
