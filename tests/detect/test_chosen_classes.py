"""Classes by their names: in any order, chosen, or refused."""

from __future__ import annotations

import pytest
import torch

from archlab.detect.average_precision import average_precision
from archlab.detect.chosen_classes import OTHER
from archlab.detect.data_source import Source, find_source, odd_of
from archlab.detect.load import read_source
from archlab.errors import InputError
from tests.detect.folders import tiny, write


def other_order():
    """The same classes under other ids, in another order, with one more that has no box."""
    content = tiny()
    content["categories"] = [{"id": 1, "name": "late"}, {"id": 5, "name": "early"}, {"id": 6, "name": "more"}]
    content["annotations"][0]["category_id"], content["annotations"][1]["category_id"] = 1, 5
    return content


def test_validation_classes_are_matched_by_name_and_ap_is_that_of_the_right_ones(tmp_path):
    pytest.importorskip("pycocotools")
    source = find_source(write(tmp_path, tiny()), write(tmp_path, other_order(), "val.json"))
    train, val = read_source(source, (20, 40))
    assert train.classes == val.classes == ("early", "late")
    assert [labels.tolist() for labels in train.labels] == [labels.tolist() for labels in val.labels] == [[2, 1], []]
    assert (train.category_ids, val.category_ids) == ((2, 90), (5, 1))
    found = [
        {"boxes": boxes, "labels": labels, "scores": torch.ones(len(boxes))}
        for boxes, labels in zip(val.boxes, val.labels, strict=True)
    ]
    assert average_precision(found, val).by_class == pytest.approx({"early": 1, "late": 1})


def test_boxes_of_a_class_that_training_does_not_have_are_refused_unless_classes_are_chosen(tmp_path):
    content = other_order()
    content["annotations"][0]["category_id"] = 6
    train, val = write(tmp_path, tiny()), write(tmp_path, content, "val.json")
    with pytest.raises(
        InputError, match=r"val\.json has boxes of more, which no training image can teach.*train\.json has early, late"
    ) as caught:
        read_source(Source(train, val), (16, 16))
    assert "--classes" in caught.value.hint
    chosen = read_source(Source(train, val, classes=("early",)), (16, 16))
    for part in chosen:
        assert (part.classes, part.labels[0].tolist(), part.left_out) == (("early",), [1], {OTHER: 1})
        assert [entry["name"] for entry in part.truth["categories"]] == ["early"]
        assert len(part.truth["annotations"]) == 1


def test_chosen_classes_have_the_order_in_which_they_are_named(tmp_path):
    train, _ = Source(write(tmp_path, tiny()), classes=("late", "early")).annotations()
    assert (train.classes, train.category_ids, train.images[0].labels) == (("late", "early"), (90, 2), (1, 2))
    digests = {Source(train.source, classes=c).digest for c in (None, ("late", "early"), ("late",))}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("names", "part"),
    [(("erly",), "has no class 'erly'; it has early, late"), (("late", "late"), "the class 'late' is chosen twice")],
)
def test_unknown_and_repeated_names_are_refused(tmp_path, names, part):
    with pytest.raises(InputError, match=part):
        Source(write(tmp_path, tiny()), classes=names).annotations()


def test_classes_without_a_box_are_reported(tmp_path):
    content = other_order()
    content["annotations"][1]["iscrowd"] = 1
    source = find_source(write(tmp_path, content))
    assert list(odd_of(source)) == [
        f"{source.train}: 1 of its boxes: crowd",
        f"{source.train}: classes without a box: early, more",
    ]


def test_many_long_names_are_shown_as_far_as_a_message_can(tmp_path):
    content = tiny()
    content["categories"] += [{"id": i, "name": f"{i}" + "x" * 10**6} for i in range(100, 120)]
    with pytest.raises(InputError, match=r"it has early, late, 100x+.*and 10 more$") as caught:
        Source(write(tmp_path, content), classes=("none",)).annotations()
    assert len(caught.value.message) < 2000
