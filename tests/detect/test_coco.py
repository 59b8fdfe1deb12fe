from __future__ import annotations

import json

import pytest

from archlab.detect.coco import read_annotations
from archlab.errors import InputError
from tests.detect.folders import tiny, write


def test_classes_are_numbered_by_category_id_and_images_without_boxes_stay(tmp_path):
    read = read_annotations(write(tmp_path, tiny()))
    assert read.classes == ("early", "late")
    assert read.category_ids == (2, 90)
    first, second = read.images
    assert (first.id, first.boxes, first.labels) == (7, ((10, 5, 30, 15), (1.5, 2, 4.5, 6)), (2, 1))
    assert (second.id, second.boxes, second.labels) == (3, (), ())
    assert read.left_out == {}
    assert read.truth["images"] == [{"id": 7, "width": 40, "height": 20}, {"id": 3, "width": 30, "height": 30}]


def test_a_file_is_read_once_and_again_when_it_was_written_to(tmp_path):
    path = write(tmp_path, tiny())
    first = read_annotations(path)
    assert read_annotations(path) is first
    assert read_annotations(write(tmp_path, tiny() | {"annotations": []})).images[0].boxes == ()


def test_categories_of_the_same_name_stay_apart(tmp_path):
    data = tiny()
    data["categories"][0]["name"] = "early"
    assert read_annotations(write(tmp_path, data)).classes == ("early (2)", "early (90)")


def test_odd_boxes_are_counted_and_the_truth_keeps_them(tmp_path):
    data = tiny()
    rows = [
        ([0, 0, 10, 10], 1),  # a crowd
        ([5, 5, 0, 10], 0),  # no area
        ([5, 5, 10, 0], 0),
        ([-5, 10, 20, 30], 0),  # over two edges of 40x20
        ([40, 0, 5, 5], 0),  # beside the image
        ([-9, -9, 9, 9], 0),
    ]
    data["annotations"] = [
        {"image_id": 7, "category_id": 2, "bbox": box, "iscrowd": crowd, "id": i} for i, (box, crowd) in enumerate(rows)
    ]
    read = read_annotations(write(tmp_path, data))
    assert read.left_out == {"crowd": 1, "no area": 2, "cut at the image's edge": 1, "outside the image": 2}
    assert read.images[0].boxes == ((0, 10, 15, 20),)
    truth = read.truth["annotations"]
    assert [(a["bbox"], a["iscrowd"]) for a in truth] == [(list(map(float, box)), crowd) for box, crowd in rows]
    assert [a["id"] for a in truth] == [1, 2, 3, 4, 5, 6], "pycocotools takes the id 0 for no match"
    assert truth[3]["area"] == 600


def test_a_given_area_is_kept_and_an_absent_or_broken_one_is_the_box_s(tmp_path):
    data = tiny()
    data["annotations"][0]["area"] = 77.5
    data["annotations"][1]["area"] = "large"
    assert [a["area"] for a in read_annotations(write(tmp_path, data)).truth["annotations"]] == [77.5, 12]


def spoilt(**changes):
    def change(data):
        for path, value in changes.items():
            section, index, key = path.split("__")
            data[section][int(index)][key] = value

    return change


def repeat(section):
    return lambda data: data[section].append(dict(data[section][0]))


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (repeat("categories"), ["two categories"]),
        (repeat("images"), ["two images", "id 7"]),
        (lambda d: d["categories"].clear(), ["no categories"]),
        (lambda d: d["images"].clear(), ["no images"]),
        (lambda d: d.update(images={"id": 1}), ["images is not a list of objects"]),
        (lambda d: d.update(annotations=[3]), ["annotations is not a list of objects"]),
        (spoilt(categories__0__id="x"), ["category: id is 'x'"]),
        (spoilt(images__0__id=None), ["image: id is None"]),
        (spoilt(images__0__id=True), ["image: id is True"]),
        (spoilt(images__0__id=2**70), ["image: id is"]),
        (spoilt(images__1__width=0), ["image 3: width is 0", "above 0"]),
        (spoilt(images__1__height=10**400), ["image 3: height is"]),
        (spoilt(images__1__height=2.5), ["image 3: height is 2.5"]),
        (spoilt(annotations__0__image_id=99), ["annotation 1", "no image 99"]),
        (spoilt(annotations__1__category_id=1), ["annotation 2", "no category 1"]),
        (spoilt(annotations__0__bbox=None), ["annotation 1", "bbox is None", "[x, y, width, height]"]),
        (spoilt(annotations__0__bbox=[1, 2, 3]), ["annotation 1", "bbox is [1, 2, 3]"]),
        (spoilt(annotations__0__bbox=[1, 2, -3, 4]), ["annotation 1", "bbox is [1, 2, -3, 4]"]),
        (spoilt(annotations__0__bbox=[1, 2, float("nan"), 4]), ["annotations[0].bbox[2] is NaN"]),
        (spoilt(annotations__0__bbox=[1, float("inf"), 3, 4]), ["annotations[0].bbox[1] is Infinity"]),
        (spoilt(annotations__0__bbox=[1, 2, 10**400, 4]), ["annotation 1", "bbox is [1, 2, 1000"]),
        (spoilt(annotations__0__bbox=["1", "2", "3", "4"]), ["annotation 1", "bbox is ['1'"]),
        (spoilt(annotations__0__bbox=[True, 0, 1, 1]), ["annotation 1", "bbox is [True"]),
        (spoilt(images__1__file_name="/etc/passwd"), ["image 3", "'/etc/passwd'", "leads out"]),
        (spoilt(images__1__file_name="x/../../b.png"), ["image 3", "leads out of the data's folder"]),
        (spoilt(images__0__file_name="../a.png"), ["image 7", "leads out"]),
        (spoilt(images__1__file_name=""), ["image 3", "file_name is ''"]),
        (spoilt(images__1__file_name="a\0b"), ["image 3", "file_name is 'a\\x00b'"]),
        (spoilt(images__1__file_name=5), ["image 3", "file_name is 5"]),
        (spoilt(images__0__file_name="gone.png"), ["gone.png is in none of"]),
        (spoilt(images__1__file_name="gone.png"), ["image 3", "no file", "gone.png"]),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(tmp_path, change, parts):
    source = write(tmp_path, tiny())
    data = tiny()
    change(data)
    source.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_annotations(source)
    assert str(source) in caught.value.message
    assert len(caught.value.message) < 1000
    for part in parts:
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not in COCO format"),
        ('{"images": [], "annotations": []}', "is not in COCO format"),
    ],
)
def test_a_file_that_is_no_coco_is_refused(tmp_path, text, part):
    source = write(tmp_path, text, images=False)
    with pytest.raises(InputError, match=part) as caught:
        read_annotations(source)
    assert str(source) in caught.value.message


def test_bytes_that_are_no_text_and_a_missing_file_are_refused(tmp_path):
    source = tmp_path / "train.json"
    with pytest.raises(InputError, match=r"cannot read .*train\.json: No such file"):
        read_annotations(source)
    source.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(
        InputError, match=r"train\.json: it is not UTF-8 text: byte 0xff in line 1, 0 bytes from the start"
    ):
        read_annotations(source)


def test_huge_numbers_neither_overflow_nor_reach_training(tmp_path):
    data = tiny()
    data["annotations"][0].update(bbox=[-1e300, 0, 1e305, 1e300], area=10**400)
    read = read_annotations(write(tmp_path, data))
    assert read.images[0].boxes[0] == (0, 0, 40, 20)
    assert read.left_out == {"cut at the image's edge": 1}


@pytest.mark.parametrize(
    ("source", "images"),
    [
        ("train.json", "."),
        ("train.json", "images"),
        ("annotations/train.json", "images"),
        ("instances_val2017.json", "val2017"),
        ("annotations/instances_val2017.json", "val2017"),
    ],
)
def test_images_are_found_where_coco_and_others_put_them(tmp_path, source, images):
    write(tmp_path / images, tiny())
    (tmp_path / images / "train.json").unlink()
    file = tmp_path / source
    file.parent.mkdir(exist_ok=True)
    write(file.parent, tiny(), file.name, images=False) if not file.exists() else None
    paths = [image.path for image in read_annotations(file).images]
    assert [path.resolve() for path in paths] == [(tmp_path / images / name).resolve() for name in ("a.png", "b.png")]
