from __future__ import annotations

import json

import pytest

from archlab.detect.data_source import find_source
from archlab.detect.load import read_source
from archlab.errors import InputError
from tests.detect.folders import tiny, write


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "train", "val"),
    [
        (["train.json", "val.json", "test.json"], "train.json", "val.json"),
        (["train.json", "valid.json"], "train.json", "valid.json"),
        (["train.json"], "train.json", None),
        (["cells.json"], "cells.json", None),
        (["train/_annotations.coco.json", "valid/_annotations.coco.json"], "train/_annotations.coco.json",
         "valid/_annotations.coco.json"),
        (["annotations/instances_train2017.json", "annotations/instances_val2017.json"],
         "annotations/instances_train2017.json", "annotations/instances_val2017.json"),
    ],
)  # fmt: skip
def test_a_folder_s_files_are_found(tmp_path, names, train, val):
    touch(tmp_path, *names)
    source = find_source(tmp_path)
    assert source.train == tmp_path / train
    assert source.val == (None if val is None else tmp_path / val)


def test_a_file_stands_alone(tmp_path):
    touch(tmp_path, "train.json", "val.json")
    assert find_source(tmp_path / "train.json").val is None


def test_validation_named_by_its_folder_is_that_folder_s_validation_file(tmp_path):
    touch(tmp_path, "train.json", "val.json", "other/mine.json")
    assert find_source(tmp_path / "train.json", tmp_path).val == tmp_path / "val.json"
    assert find_source(tmp_path, tmp_path / "other").val == tmp_path / "other/mine.json"


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ([], "holds no annotations that are known"),
        (["a.json", "b.json"], "holds 2 files of annotations and no train.json"),
    ],
)
def test_a_folder_that_leaves_it_open_is_refused(tmp_path, names, part):
    touch(tmp_path, *names)
    with pytest.raises(InputError, match=part):
        find_source(tmp_path)


def test_missing_data_and_validation_alone_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        find_source(tmp_path / "gone")
    with pytest.raises(InputError, match="validation data needs training data"):
        find_source(None, tmp_path)


def test_the_digest_tells_other_data_another_validation_and_another_seed(tmp_path):
    for name in ("train.json", "val.json"):
        write(tmp_path, tiny(), name)
    both = find_source(tmp_path)
    digests = [both.digest, find_source(tmp_path / "train.json").digest, find_source(tmp_path, seed=1).digest]
    assert find_source(tmp_path).digest == both.digest
    write(tmp_path, tiny() | {"annotations": []}, "val.json")
    assert len({*digests, both.digest}) == 4


def test_without_validation_a_fifth_of_the_images_is_taken_by_lot(tmp_path):
    content = tiny()
    content["images"] = [{"id": i, "file_name": f"{i}.png", "width": 8, "height": 8} for i in range(10)]
    content["annotations"] = [
        {"id": i, "image_id": i, "category_id": 2, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0} for i in range(10)
    ]
    write(tmp_path, content)
    pairs = [read_source(find_source(tmp_path, seed=seed), (8, 8)) for seed in (0, 1)]
    assert [(len(train), len(val)) for train, val in pairs] == [(8, 2)] * 2
    assert pairs[0][1].image_ids != pairs[1][1].image_ids
    assert read_source(find_source(tmp_path, seed=0), (8, 8)) is pairs[0], "the images are read once"
    assert json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))["annotations"] == content["annotations"]


def test_without_data_shapes_are_drawn():
    train, val = read_source(find_source(None), (32, 32))
    assert (train.source, len(train), len(val)) == ("drawn shapes", 96, 32)
    assert not any((train.images == image).all((1, 2, 3)).any() for image in val.images)


def test_annotations_that_were_written_to_are_read_again(tmp_path):
    both = tiny()
    both["annotations"][1]["image_id"] = 3
    source = find_source(write(tmp_path, both), write(tmp_path, tiny(), "val.json"))
    before = read_source(source, (8, 8))
    write(tmp_path, both | {"annotations": both["annotations"][:1]})
    after = read_source(source, (8, 8))
    assert [sum(len(boxes) for part in both for boxes in part.boxes) for both in (before, after)] == [4, 3]
