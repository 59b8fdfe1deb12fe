"""Layout and drawing: what stands where, what is folded, and that no name gets out of its place."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import pytest

from archlab.elaborate import elaborate
from archlab.grammar.parse import parse, parse_file
from archlab.ir import Applied, Graph, Node
from archlab.report.diagram import draw, heat
from archlab.report.diagram_cards import stages_of
from archlab.resources import shipped_spaces
from tests.report.results import HOSTILE


@pytest.mark.parametrize(("share", "step"), [(0, 0), (0.001, 1), (0.01, 2), (0.079, 4), (0.16, 6), (1, 6)])
def test_heat(share: float, step: int):
    assert heat(share) == step


class _Elements(HTMLParser):
    """Counts elements and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_every_shipped_network_is_drawn_with_a_stage_for_each_of_its_own(name: str):
    architecture = parse_file(shipped_spaces()[name])
    parser = _Elements()
    parser.feed(draw(elaborate(architecture).graph))
    assert not parser.open
    # What stands in a stage detect is drawn as the neck and the box head.
    detectors = [stage for stage in architecture.stages if stage.name == "detect"]
    assert parser.names.count("details") == len(architecture.stages) + len(detectors)


def node(name: str, inputs: tuple[str, ...], stage: str = "all", block: str = "all.0") -> Node:
    applied = Applied(op="conv2d", attrs={}, shape=(8, 4, 4), weights={}, buffers={}, macs=10, other=0, activations=0)
    return Node.of(applied, name, inputs, stage, block)


def test_hostile_names_stay_text():
    graph = elaborate(parse("net n(input=3x8x8)\na: conv(4) -> residual(conv(4) -> conv(4))\n")).graph
    bad = {n.name: f"{HOSTILE}{i}" for i, n in enumerate(graph)}
    nodes = tuple(
        dataclasses.replace(
            n,
            name=bad[n.name],
            op=HOSTILE,
            attrs={HOSTILE: HOSTILE},
            inputs=tuple(bad.get(i, i) for i in n.inputs),
            stage=HOSTILE,
            block=HOSTILE,
        )
        for n in graph
    )
    parser = _Elements()
    parser.feed(draw(Graph(HOSTILE, graph.input_shape, nodes)))
    assert "img" not in parser.names
    assert "script" not in parser.names


def test_two_thousand_operators_that_all_differ_are_drawn_in_good_time():
    # Long shortcuts, joins, and blocks that end anywhere.
    rest = (
        node(f"n{i}", (f"n{i - 1}", f"n{max(0, i - 37)}"), f"stage{i // 500}", f"b{i // 90}") for i in range(1, 2000)
    )
    assert draw(Graph("big", (8, 4, 4), (node("n0", ("input",)), *rest))).count('<g class="op') == 2000


def test_a_constant_and_an_empty_graph_are_drawn():
    nodes = (node("a", ("input",)), node("constant", ()), node("sum", ("a", "constant")))
    assert draw(Graph("n", (8, 4, 4), nodes)).count('<g class="op') == 3
    assert "output <b>8×4×4</b>" in draw(Graph("empty", (8, 4, 4), ()))


def test_what_comes_from_another_block_says_from_where():
    nodes = (node("a", ("input",), "s", "s.0"), node("b", ("a",), "s", "s.1"), node("c", ("b", "a"), "t", "t.0"))
    assert '<text class="port"' in draw(Graph("n", (8, 4, 4), nodes))
    assert "from a <tspan>8×4×4" in draw(Graph("n", (8, 4, 4), nodes))


def test_a_detector_is_drawn_with_its_levels_boxes_and_both_outputs():
    text = (
        "net n(input=3x64x64)\na: conv(8, s=4)\nb: conv(8, s=2)\ndetect: fpn(6) -> roi_pool(5x3, rois=9) -> box_head(4)"
    )
    page = draw(elaborate(parse(text)).graph)
    assert "RoI pool 5×3" in page
    assert "9 × 6×5×3" in page
    assert "upsample nearest" in page
    assert "boxes <tspan>5" in page
    assert "outputs box_head.classes <b>9 × 81</b> · box_head.deltas <b>9 × 324</b>" in page
    levels = [card for stage in stages_of(elaborate(parse(text)).graph) if stage.name == "neck" for card in stage.cards]
    assert [card.names for card in levels] == [("neck.p3",), ("neck.p2",)]
    (head,) = [stage for stage in stages_of(elaborate(parse(text)).graph) if stage.name == "box_head"]
    assert (len(head.cards), head.rois, head.gives) == (1, 9, ((81,), (324,)))
    assert "→ 81, 324 · 9 RoIs" in page
