from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings

from archlab.ir import Graph
from archlab.nn.fvcore_recount import expected_by_operator, recount
from tests.nn.networks import draws, graph_of, shipped, texts
from tests.ops.every_operator import EVERY_OPERATOR
from tests.waiting import DEADLINE


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("mobilenet_v1", 568_740_352),
        ("resnet50", 4_089_184_256),
        ("resnext50_32x4d", 4_230_479_872),
        ("shufflenet_v1_g3", 137_460_672),
        ("shufflenet_v2_x1_0", 144_907_992),
        ("xception", 8_357_403_496),
    ],
)
def test_fvcore_counts_a_reference_as_the_closed_form_does(name, macs):
    """At the reference's own input size; the MACs are those measured on the published implementations."""
    result = recount(shipped(name))
    assert result.equal
    assert result.macs == macs
    assert result.total == sum(result.by_operator.values()) > macs


@pytest.mark.parametrize("graph", draws("mobile", 15, 64), ids=lambda g: g.digest[:6])
def test_fvcore_counts_a_draw_as_the_closed_form_does(graph):
    assert recount(graph).equal


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts())
def test_fvcore_counts_a_random_network_as_the_closed_form_does(text):
    graph = graph_of(text)
    result = recount(graph)
    assert result.equal
    assert result.by_operator == expected_by_operator(graph)


def test_the_count_of_every_operator_by_hand():
    text = """net t(input=4x8x8)
    a: conv2d(6, 3, s=2, bias=1) -> bn -> upsample(2) -> gn(3) -> gap -> fc(10)"""
    graph = graph_of(text)
    counts = {
        "conv": 6 * 4 * 4 * 4 * 3 * 3,  # 6 x 4 x 4 outputs of 4 x 3 x 3 products each
        "batch_norm": 2 * 6 * 4 * 4,  # a scale and a shift
        "upsample_nearest2d": 6 * 8 * 8,  # an assignment for each output
        "group_norm": 5 * 6 * 8 * 8,  # fvcore's five for a norm and its affine
        "adaptive_avg_pool2d": 6 * 8 * 8,  # one for each input
        "linear": 6 * 10,
    }
    assert expected_by_operator(graph) == counts
    result = recount(graph)
    assert result.by_operator == counts
    assert result.macs == 3456 + 60
    assert result.equal


def test_what_fvcore_does_not_count_is_part_of_the_result():
    uncounted = recount(graph_of(EVERY_OPERATOR)).uncounted
    assert uncounted["aten::max_pool2d"] == 4
    # Two in the three-fold add, one in the inverted residual, one in the response norm; an offset, and a maximum added.
    assert uncounted["aten::add"] == 6
    assert "aten::_convolution" not in uncounted


def test_counting_says_nothing():
    code = (
        "from archlab.elaborate import elaborate; from archlab.grammar import parse; from archlab.nn import recount;"
        f"print(recount(elaborate(parse({EVERY_OPERATOR!r})).graph).equal)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, timeout=DEADLINE
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def _changed(graph: Graph, op: str, **changes: object) -> Graph:
    """``graph`` with the first node of an operator changed."""
    first = next(node.name for node in graph if node.op == op)
    nodes = (dataclasses.replace(node, **changes) if node.name == first else node for node in graph)
    return dataclasses.replace(graph, nodes=tuple(nodes))


@pytest.mark.parametrize(
    ("op", "change"),
    [
        ("conv2d", {"macs": 1}),
        ("conv2d", {"activations": 1}),
        ("bn", {"other": 0}),
        ("gap", {"other": 1}),
        ("relu", {"other": 1}),
        ("relu", {"macs": 1}),
        ("add", {"macs": 1}),
        ("add", {"activations": 1}),
    ],
)
def test_a_wrong_closed_form_is_found_out(op, change):
    graph = graph_of("net t(input=3x8x8)\na: conv(4) -> residual(conv(4)) -> gap")
    assert recount(graph).equal
    assert not recount(_changed(graph, op, **change)).equal


def test_counts_that_are_wrong_but_sum_up_are_found_out():
    """Two convolutions whose counts are exchanged: equal by operator, not by node."""
    graph = graph_of("net t(input=3x8x8)\na: conv2d(4) -> conv2d(5)")
    first, second = graph.nodes
    nodes = (
        dataclasses.replace(first, macs=second.macs),
        dataclasses.replace(second, macs=first.macs),
    )
    wrong = dataclasses.replace(graph, nodes=nodes)
    assert expected_by_operator(wrong) == recount(wrong).by_operator
    assert not recount(wrong).equal
