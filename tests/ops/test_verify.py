"""Each rule of the graphs has one that breaks it, and no graph that archlab makes breaks any."""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path

import pytest

import archlab
from archlab.detector import DetectorSpec, attach_detector, attach_neck, backbone_of, without_head
from archlab.elaborate import Interpreter, Random, defaults, load
from archlab.errors import GraphError
from archlab.exchange.regnet import REGNETS, regnet
from archlab.exchange.rewrite import RULES, rewrite
from archlab.exchange.timm_in import from_timm
from archlab.ir import Graph
from archlab.ops import verify
from archlab.ops.verify import DERIVED, GRAPH_RULES, NODE_RULES
from archlab.resources import shipped_spaces

TEXT = """net tiny(input=3x8x8)
stem: conv(8, s=2)
body: residual(conv2d(8, g=2) -> relu)
tail: split(relu, sigmoid) -> bn
head: gap -> fc(10)"""


@pytest.fixture(scope="module")
def tiny() -> Graph:
    return archlab.elaborate(archlab.parse(TEXT)).graph


def changed(graph: Graph, node: str, **changes: object) -> Graph:
    """``graph`` with fields of one node changed; the name of the last node stays the output."""
    nodes = (dataclasses.replace(one, **changes) if one.name == node else one for one in graph)
    return dataclasses.replace(graph, nodes=tuple(nodes))


def moved(graph: Graph, node: str, place: int) -> Graph:
    nodes = [one for one in graph if one.name != node]
    return dataclasses.replace(graph, nodes=(*nodes[:place], graph[node], *nodes[place:]))


def as_part_of(graph: Graph, node: str, stage: str) -> Graph:
    """``graph`` with a node in another stage."""
    name = f"{stage}.moved"
    nodes = changed(graph, node, name=name, stage=stage, block=name).nodes
    taken = (tuple(name if source == node else source for source in one.inputs) for one in nodes)
    return dataclasses.replace(
        graph, nodes=tuple(dataclasses.replace(one, inputs=inputs) for one, inputs in zip(nodes, taken, strict=True))
    )


def attrs(graph: Graph, node: str, **changes: object) -> Graph:
    return changed(graph, node, attrs={**graph[node].attrs, **changes})


def lacking(graph: Graph, node: str, name: str) -> Graph:
    return changed(graph, node, attrs={key: value for key, value in graph[node].attrs.items() if key != name})


CONV, NORM, ADD, CAT = "body.conv2d", "stem.conv.norm", "body.add", "tail.split.cat"
BROKEN = {
    "the input is an image": [
        (lambda g: dataclasses.replace(g, input_shape=(3, 0, 8)), "3x0x8 is no channels x height x width"),
        (lambda g: dataclasses.replace(g, input_shape=(3,)), "3 is no channels x height x width"),
    ],
    "the outputs exist": [(lambda g: dataclasses.replace(g, outputs=("nowhere",)), "there is no node nowhere")],
    "the outputs differ": [
        (lambda g: dataclasses.replace(g, outputs=(g.output, g.output)), "head.fc.linear stands 2 times")
    ],
    "names are unique": [
        (lambda g: changed(g, "body.relu", name=CONV), "another node is called body.conv2d"),
        (lambda g: changed(g, "stem.conv2d", name="input"), "input is what an input is called"),
    ],
    "the operator is in the table": [(lambda g: changed(g, "body.relu", op="rleu"), "rleu is no row of the table")],
    "there are as many inputs as the operator takes": [
        (lambda g: changed(g, CONV, inputs=("stem.act", "stem.act")), "conv2d takes 1, not 2"),
        (lambda g: changed(g, "stem.conv2d", inputs=()), "conv2d takes 1, not 0"),
        (lambda g: changed(g, "stem.conv2d", op="add", inputs=()), "add takes at least 1, not 0"),
    ],
    "inputs are defined before they are used": [
        (lambda g: changed(g, CONV, inputs=("nowhere",)), "nowhere does not run before it"),
        (lambda g: moved(g, "body.relu", 3), "body.conv2d does not run before it"),
        (lambda g: changed(g, CONV, inputs=(ADD,)), "body.add does not run before it"),
    ],
    "arguments fit the inputs": [
        (lambda g: attrs(g, CONV, in_channels=4), "in_channels is 4, and its input has 8"),
        (lambda g: attrs(g, "tail.bn", channels=4), "channels is 4, and its input has 8"),
        (lambda g: attrs(g, "head.fc.linear", in_features=4), "in_features is 4, and its input has 8"),
    ],
    "groups divide the channels": [
        (lambda g: attrs(g, CONV, groups=3), "3 groups do not divide 8 channels"),
        (lambda g: attrs(g, CONV, groups=8, out_channels=12), "8 groups do not divide 12 channels"),
        (lambda g: attrs(g, CONV, groups=0), "0 groups do not divide 8 channels"),
    ],
    "the operator allows its inputs and arguments": [
        (lambda g: lacking(g, CONV, "kernel"), "conv2d lacks its argument 'kernel'"),
        (lambda g: attrs(g, CONV, kernel=(9, 9)), "the spatial size vanishes"),
        (lambda g: changed(g, ADD, inputs=("body.relu", "input")), "the shapes to add differ: 8x4x4 and 3x8x8"),
        (lambda g: attrs(g, "tail.split.1.slice", stop=9), "channels 4 to 9 are no part of 8"),
    ],
    "the field shape follows from inputs and arguments": [
        (lambda g: changed(g, CONV, shape=(8, 4, 5)), "shape is (8, 4, 5), and conv2d gives (8, 4, 4)"),
        (lambda g: attrs(g, CONV, stride=(2, 2)), "shape is (8, 4, 4), and conv2d gives (8, 2, 2)"),
    ],
    "the field weights follows from inputs and arguments": [
        (lambda g: changed(g, CONV, weights={}), "weights is {}, and conv2d gives {'weight': (8, 4, 3, 3)}"),
        (lambda g: attrs(g, CONV, bias=True), "'bias': (8,)}"),
    ],
    "the field buffers follows from inputs and arguments": [
        (lambda g: changed(g, "tail.bn", buffers={}), "buffers is {}, and bn")
    ],
    "the field macs follows from inputs and arguments": [
        (lambda g: changed(g, CONV, macs=1), "macs is 1, and conv2d gives 4608")
    ],
    "the field other follows from inputs and arguments": [
        (lambda g: changed(g, CONV, other=1), "other is 1, and conv2d gives 0")
    ],
    "the field activations follows from inputs and arguments": [
        (lambda g: changed(g, CONV, activations=1), "activations is 1, and conv2d gives 128")
    ],
    "the field rows follows from inputs and arguments": [
        (lambda g: changed(g, CONV, rows=2), "rows is 2, and conv2d gives 1")
    ],
    "the name is a path in the block": [
        (lambda g: changed(g, CONV, block="body.conv2"), f"{CONV} is not in body.conv2")
    ],
    "the block is a path in the stage": [
        (lambda g: changed(g, CONV, stage="bod"), "body.conv2d is not in bod"),
        (lambda g: changed(g, CONV, stage=""), "body.conv2d is not in a stage"),
    ],
    "stages stand in one piece": [(lambda g: as_part_of(g, "tail.bn", "body"), "body has ended")],
    "what is computed is used": [
        (lambda g: dataclasses.replace(g, outputs=("tail.bn",)), "nothing takes head.fc.linear, and it is no output")
    ],
}
CASES = [(rule, graph, values) for rule, cases in BROKEN.items() for graph, values in cases]


@pytest.mark.parametrize(("rule", "broken", "values"), CASES, ids=[values for *_, values in CASES])
def test_a_graph_that_breaks_a_rule_is_an_error_with_its_node_rule_and_values(tiny, rule, broken, values):
    graph = broken(tiny)
    with pytest.raises(GraphError, match=re.escape(f" breaks the rule '{rule}': ")) as error:
        verify(graph)
    assert values in error.value.message
    named = re.match(r"tiny: node (\S+) breaks", error.value.message)
    assert named is None if rule in GRAPH_RULES else named[1] in graph.names


def test_every_rule_has_a_graph_that_breaks_it():
    assert set(BROKEN) == {*GRAPH_RULES, *NODE_RULES}
    assert DERIVED == ("shape", "weights", "buffers", "macs", "other", "activations", "rows")


def test_rows_behind_roi_align_are_its_number_of_boxes():
    graph = archlab.elaborate(archlab.load("detection")).graph
    verify(graph)
    with pytest.raises(GraphError, match=r"node box_head\.flatten breaks the rule 'the field rows follows"):
        verify(changed(graph, "box_head.flatten", rows=1))


# --- what archlab makes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_the_shipped_spaces_draws_keep_every_rule(name):
    interpreter = Interpreter(load(archlab.load(name)))
    rng = random.Random(0)
    verify(interpreter.network(defaults).graph)
    for _ in range(3):
        try:
            network = interpreter.network(Random(rng))
        except archlab.ElaborationError:  # some draws of a reference's multipliers are no network
            continue
        verify(network.graph)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "shufflenet_v2"])
def test_what_the_detector_grows_and_takes_off_keeps_every_rule(name):
    graph = archlab.elaborate(archlab.load(name)).graph
    whole = attach_detector(graph, DetectorSpec(width=16, rois=7))
    for made in (whole, attach_neck(graph, 8, ("p3", "p4")), without_head(whole), backbone_of(whole)):
        verify(made)


@pytest.mark.parametrize("rule", RULES)
def test_rewritten_networks_keep_every_rule(rule):
    name = "vgg16_5x5" if rule == "factorise5x5" else "resnet18"
    verify(archlab.elaborate(rewrite(archlab.load(name), rule, "stage3")).graph)


@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_y_800mf"])
def test_networks_of_regnets_rule_keep_every_rule(name):
    verify(archlab.elaborate(regnet(REGNETS[name], name)).graph)


def test_networks_from_timms_strings_keep_every_rule():
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    verify(archlab.elaborate(from_timm(page.split("```text\n")[1].split("```")[0])).graph)
