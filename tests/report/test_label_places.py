"""Names beside marks: in the picture, beside their own mark, and never on each other."""

from __future__ import annotations

import itertools
import random

import pytest

from archlab.report.label_places import Label, Mark, place_labels
from archlab.report.svg import Frame

FRAME = Frame(620, 320, left=74, right=14, top=12, bottom=40)


def test_a_name_alone_stands_to_the_right_and_at_the_right_edge_to_the_left():
    assert place_labels([Mark(300, 100, 4, "resnet50")], FRAME, 6) == (Label("resnet50", 309, 104, "start"),)
    assert place_labels([Mark(590, 100, 4, "resnet50")], FRAME, 6) == (Label("resnet50", 581, 104, "end"),)
    assert Label("abc", 10, 20, "middle").box(6) == (1, 9, 19, 24)


def test_two_marks_at_one_place_have_both_names_and_a_mark_without_one_has_none():
    found = place_labels([Mark(300, 100, 4, "resnet50"), Mark(300, 100, 4, "resnet51"), Mark(9, 9, 4, "")], FRAME, 6)
    assert [(label.name, label.anchor) for label in found] == [("resnet50", "start"), ("resnet51", "end")]


@pytest.mark.parametrize("marks", [5, 40, 200])
def test_no_name_lies_on_another_or_leaves_the_picture_however_many_there_are(marks: int):
    rng = random.Random(marks)
    placed = place_labels(
        [Mark(rng.gauss(350, 60), rng.gauss(150, 30), 4, f"network_{i}_of_some_length") for i in range(marks)], FRAME, 6
    )
    boxes = [label.box(6) for label in placed]
    assert len(placed) == marks if marks == 5 else 10 <= len(placed) <= marks
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert all(left >= 74 and right <= 620 and top >= 12 and bottom <= 280 for left, top, right, bottom in boxes)
