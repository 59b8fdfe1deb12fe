"""The stage detect of a text: what it means, what its holes are called, what multipliers and levels do to it."""

from __future__ import annotations

import random

import pytest

from archlab.cost import cost
from archlab.detector import DetectorSpec, attach_detector, backbone_of
from archlab.elaborate import Fixed, Interpreter, Random, elaborate, fill_holes, load
from archlab.grammar import parse, parse_file, unparse
from archlab.resources import find_architecture

BACKBONE = """net n(input=3x64x64)
stem: conv(8, s=2)
a: conv(8, s=2)
b: conv(16, s=2)
c: conv(24, s=2)
"""


def network(detect, values=None, backbone=BACKBONE):
    draw = Fixed(values or {})
    made = Interpreter(load(parse(f"{backbone}detect{detect}"))).network(draw)
    draw.refuse_unknown()
    return made


def test_every_argument_reaches_the_spec():
    spec = network(": fpn(24, finest=3, coarsest=4) -> roi_align(5x3, sampling=1, aligned=1, canonical=64, rois=7)"
                   " -> box_head(32, classes=2)").detector  # fmt: skip
    assert spec == DetectorSpec(24, ("p3", "p4"), "roi_align", (5, 3), 1, True, 64, 7, 32, 2)


def test_what_is_left_open_is_as_in_torchvision():
    spec = network(": fpn(256) -> roi_align -> box_head(1024)").detector
    assert spec == DetectorSpec(levels=("p2", "p3", "p4"), canonical=224)


@pytest.mark.parametrize(("size", "canonical"), [("800x1333", 224), ("1333x800", 224), ("96x128", 27), ("4x4", 1)])
def test_the_canonical_side_is_the_papers_and_follows_the_input_where_the_text_says_so(size, canonical):
    backbone = BACKBONE.replace("64x64", size)
    given = [
        network(f": fpn(8, finest=2) -> roi_align(3{text}) -> box_head(8)", backbone=backbone)
        for text in (", canonical=0", ", canonical=224", "")
    ]
    assert [made.detector.canonical for made in given] == [canonical, 224, 224]
    pools = [next(node for node in made.graph if node.op == "roi_align") for made in given]
    assert [node.attrs["canonical"] for node in pools] == [canonical, 224, 224]
    made = given[0]
    assert made.graph == attach_detector(
        made.without_detector.graph, DetectorSpec(8, size=(3, 3), canonical=0, head_width=8)
    )


def test_roi_pooling_stands_in_the_place_of_align():
    made = network(": fpn(8) -> roi_pool(3, rois=5) -> box_head(8)")
    assert next(node.op for node in made.graph if node.rows == 5) == "roi_pool"
    assert cost(made).other < cost(network(": fpn(8) -> roi_align(3, rois=5) -> box_head(8)")).other


@pytest.mark.parametrize(
    ("neck", "levels"),
    [
        ("fpn(8)", ("p2", "p3", "p4")),
        ("fpn(8, finest=1)", ("p1", "p2", "p3", "p4")),
        ("fpn(8, finest=3)", ("p3", "p4")),
        ("fpn(8, coarsest=3)", ("p2", "p3")),
        ("fpn(8, finest=4, coarsest=4)", ("p4",)),
    ],
)
def test_levels_are_those_asked_for_and_later_stages_are_left_out(neck, levels):
    made = network(f": {neck} -> roi_align(3) -> box_head(8)")
    assert made.detector.levels == levels
    stages = ["stem", "a", "b", "c"][: int(levels[-1][1])]
    assert [name for name, _ in made.stages] == [*stages, "neck", "box_head"]
    assert {node.stage for node in made.graph} == {*stages, "neck", "box_head"}


def test_levels_that_leave_a_gap_are_left_out():
    text = "net n(input=3x64x64)\na: conv(8, s=4)\nb: conv(8, s=4)\nc: conv(8, s=2)\n"
    assert network(": fpn(8) -> roi_align(3) -> box_head(8)", backbone=text).detector.levels == ("p4", "p5")


def test_its_holes_are_named_like_any_others():
    made = network(
        ": fpn({8, 16}, finest={2, 3}) -> {roi_align({5, 7}, sampling=[1..2], rois=9), roi_pool(3)}"
        " -> box_head([16..64 step 16])",
        {"detect.block": "roi_align", "detect.roi_align.sampling": 2, "detect.box_head.c": 48, "detect.fpn.finest": 3},
    )
    assert list(made.draws) == [
        "detect.block", "detect.roi_align.n", "detect.fpn.c", "detect.roi_align.sampling", "detect.box_head.c",
        "detect.fpn.finest",
    ]  # fmt: skip
    assert made.detector == DetectorSpec(8, ("p3", "p4"), "roi_align", (5, 5), 2, rois=9, head_width=48)


def test_a_var_ties_neck_and_backbone():
    text = BACKBONE.replace("stem:", "var w = {16, 32}\nstem:").replace("conv(24", "conv(w")
    made = network(": fpn(w) -> roi_align(3) -> box_head(w)", {"w": 32}, text)
    assert (made.detector.width, made.detector.head_width, made.draws) == (32, 32, {"w": 32})


def test_width_multiplies_neck_and_head_and_its_own_multiplier_them_alone():
    detect = ": fpn(32) -> roi_align(3) -> box_head(64)"
    made = network(detect, {"width_mult": 0.5})
    assert (made.detector.width, made.detector.head_width) == (16, 32)
    own = network(detect, {"detect.width_mult": 2.0})
    assert (own.detector.width, own.detector.head_width) == (64, 128)
    assert own.stages[0][1].shape == (8, 32, 32)
    assert network("(width_mult=2): fpn(32) -> roi_align(3) -> box_head(64)").digest == own.digest
    fixed = network(": fpn(fixed(32)) -> roi_align(3) -> box_head(64)", {"width_mult": 0.5})
    assert fixed.detector.width == 32


def test_the_text_and_python_make_the_same_detector():
    made = network(": fpn(16) -> roi_align(3) -> box_head(8, classes=2)")
    plain = elaborate(parse(f"{BACKBONE}head: gap -> fc(10)"))
    by_hand = attach_detector(plain.graph, DetectorSpec(16, size=(3, 3), head_width=8, classes=2))
    assert by_hand.digest == made.digest
    assert backbone_of(made.graph).digest == backbone_of(by_hand).digest


def test_a_level_is_taken_from_the_last_node_of_its_stage():
    text = """net n(input=3x64x64)
    stem: conv(8, s=4)
    a: bottleneck(16, s=2) -> maxpool(1)
    shapeless: identity
    b: conv2d(16, 3, s=2)
    """
    made = network(": fpn(8) -> roi_pool(3) -> box_head(8)", backbone=text)
    taken = {node.name: node.inputs for node in made.graph if node.name.endswith("lateral")}
    ends = {node.stage: node.name for node in made.graph}
    assert taken == {
        "neck.p4.lateral": ("b",),
        "neck.p3.lateral": (ends["a"],),
        "neck.p2.lateral": (ends["stem"],),
    }
    assert made.graph[ends["a"]].op == "maxpool"


def test_the_digest_tells_detectors_apart():
    texts = [
        ": fpn(8) -> roi_align(3) -> box_head(8)",
        ": fpn(16) -> roi_align(3) -> box_head(8)",
        ": fpn(8) -> roi_pool(3) -> box_head(8)",
        ": fpn(8) -> roi_align(3, sampling=3) -> box_head(8)",
        ": fpn(8) -> roi_align(3, canonical=64) -> box_head(8)",
        ": fpn(8) -> roi_align(3) -> box_head(8, classes=3)",
        ": fpn(8, finest=3) -> roi_align(3) -> box_head(8)",
    ]
    assert len({network(text).digest for text in texts}) == len(texts)
    assert network(": fpn(c=8) -> roi_align(n=3x3, rois=100) -> box_head(8)").digest == network(texts[0]).digest


def test_draws_of_the_detection_space_settle_and_count_as_their_graphs():
    space = load(parse_file(find_architecture("detection")))
    interpreter, rng = Interpreter(space), random.Random(7)
    for _ in range(20):
        made = interpreter.network(Random(rng))
        # Field by field: a detector elaborated is a backbone that got its neck and head as a graph.
        assert made.graph == attach_detector(made.without_detector.graph, made.detector)
        settled = parse(unparse(fill_holes(space, made)))
        assert elaborate(settled).digest == made.digest
        assert cost(elaborate(settled)) == cost(made)
        assert made.body.nodes == len(made.graph)
        assert cost(made).macs == sum(node.macs for node in made.graph)
