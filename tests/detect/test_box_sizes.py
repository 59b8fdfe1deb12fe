"""Boxes at a network's input, and the levels that read them: as the detector itself assigns them."""

from __future__ import annotations

import pytest

from archlab.detect.box_sizes import Levels, boxes_at_input, level_counts, levels_of, size_remarks
from archlab.detect.coco import read_annotations
from archlab.detect.dataset import read_dataset
from archlab.detect.level_entropy import level_use
from archlab.elaborate import Fixed, Interpreter, load
from archlab.grammar import parse
from tests.detect.folders import tiny, write

TEXT = """net small(input=3x64x64)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(8, s=2)
stage3: conv(16, s=2)
detect: fpn(8) -> roi_align(3, canonical=CANONICAL) -> box_head(16, classes=2)
"""


def of_sides(folder, sides):
    content = tiny()
    content["images"] = [{"id": 1, "file_name": "a.png", "width": 128, "height": 128}]
    content["annotations"] = [
        {"id": i, "image_id": 1, "category_id": 2, "bbox": [0, 0, side, side]} for i, side in enumerate(sides)
    ]
    return write(folder, content)


def graph_of(canonical):
    return Interpreter(load(parse(TEXT.replace("CANONICAL", str(canonical)), "small"))).network(Fixed({})).graph


@pytest.mark.parametrize("canonical", [224, 64, 20, 32])
def test_levels_are_those_that_the_detector_reads_boxes_from(tmp_path, canonical):
    source = of_sides(tmp_path, [2, 7, 15.99, 16, 31, 32, 33, 64, 90, 128])
    graph = graph_of(canonical)
    levels = levels_of(graph)
    assert levels == Levels(canonical, (2, 3, 4))
    counts = level_counts(read_annotations(source), (64, 64), levels)
    assert {name: count / 10 for name, count in counts.items()} == level_use(graph, read_dataset(source, (64, 64)))


def test_idle_levels_at_the_ends_are_remarked_with_how_to_leave_them_out(tmp_path):
    levels = Levels(32, (2, 3, 4, 5, 6))
    read = read_annotations(of_sides(tmp_path, [24, 40]))  # 12 and 20 pixels at the input
    assert level_counts(read, (64, 64), levels) == {"p2": 1, "p3": 1, "p4": 0, "p5": 0, "p6": 0}
    assert list(size_remarks(read, (64, 64), levels)) == [
        "no box is read from p4 or p5 or p6 at 64x64: unless proposals need it, leave it out with fpn(…, coarsest=3)"
    ]
    read = read_annotations(of_sides(tmp_path, [40, 120]))
    assert level_counts(read, (64, 64), levels) == {"p2": 0, "p3": 1, "p4": 1, "p5": 0, "p6": 0}
    fine, coarse = size_remarks(read, (64, 64), levels)
    assert fine == "no box is read from p2 at 64x64: unless proposals need it, leave it out with fpn(…, finest=3)"
    assert coarse.startswith("no box is read from p5 or p6 at 64x64:")


def test_a_backbone_has_the_levels_of_the_neck_that_it_is_scored_with():
    text = TEXT.replace("CANONICAL", "224")
    bare = Interpreter(load(parse(text[: text.index("detect:")], "small"))).network(Fixed({})).graph
    assert levels_of(bare) == Levels(224, (2, 3, 4))


def test_sides_are_those_at_the_input(tmp_path):
    (box,) = boxes_at_input(read_annotations(of_sides(tmp_path, [32])), (64, 32))
    assert (box.label, box.area, box.width, box.height, box.side, box.is_tiny) == (1, 1024, 8, 8, 8, False)


def test_boxes_on_one_level_and_below_a_pixel_are_remarked_with_a_way_out(tmp_path):
    read = read_annotations(of_sides(tmp_path, [1, 40, 44]))
    tiny_ones, level = size_remarks(read, (64, 64), Levels(224, (2, 3, 4)))
    assert tiny_ones.startswith("1 of 3 boxes are smaller than a pixel at the network's input of 64x64: take a larger")
    assert level == (
        "all 3 boxes are read from p2 at 64x64, and the other levels are idle: their median side is 20 pixels, and "
        "canonical is 224; write roi_align(canonical=20) in the text, or take another --input"
    )
    assert level_counts(read, (64, 64), Levels(20, (2, 3, 4))) == {"p2": 1, "p3": 0, "p4": 2}
    assert list(size_remarks(read, (128, 128), Levels(20, (2, 3, 4)))) == []
    assert list(size_remarks(read_annotations(of_sides(tmp_path, [])), (64, 64), Levels(224, (2, 3)))) == []
