from __future__ import annotations

import pytest

import archlab
from archlab.carry.channels import Channels, channels_of
from archlab.errors import GraphError
from archlab.ir import Graph, Node


def classes(body: str, size: str = "1x8x8") -> tuple[Graph, Channels]:
    graph = archlab.elaborate(archlab.parse(f"net x(input={size})\na: {body}\n")).graph
    return graph, channels_of(graph)


def test_an_addition_ties_its_terms_place_by_place() -> None:
    graph, found = classes("conv2d(3) -> add(conv2d(3), identity)")
    first, second, total = graph.nodes
    assert found.of[first.name] == found.of[second.name] == found.of[total.name]
    assert len(set(found.of[total.name])) == 3


def test_a_depthwise_convolution_passes_channels_on_and_a_dense_one_makes_new() -> None:
    graph, found = classes("conv2d(4) -> conv2d(4, g=4) -> conv2d(4)")
    first, depthwise, dense = graph.nodes
    assert found.of[first.name] == found.of[depthwise.name]
    assert not set(found.of[dense.name]) & set(found.of[first.name])


def test_a_depth_multiplier_makes_new_channels() -> None:
    graph, found = classes("conv2d(2) -> conv2d(4, g=2)")
    assert not set(found.of[graph.nodes[0].name]) & set(found.of[graph.nodes[1].name])


def test_concatenation_slices_and_the_shuffle_move_channels() -> None:
    graph, found = classes("conv2d(4) -> split(identity, conv2d(2)) -> shuffle(2)")
    by_op = {node.op: found.of[node.name] for node in graph}
    first = found.of[graph.nodes[0].name]
    made = found.of[[node for node in graph if node.op == "conv2d"][1].name]
    assert by_op["cat"] == (*first[:2], *made)
    assert by_op["shuffle"] == (first[0], made[0], first[1], made[1])


def test_flattened_places_belong_to_their_channel() -> None:
    graph, found = classes("conv2d(2, s=4) -> flatten")
    a, b = found.of[graph.nodes[0].name]
    assert found.of[graph.nodes[1].name] == (a, a, a, a, b, b, b, b)


def test_a_gate_is_tied_to_what_it_scales_and_one_map_for_all_is_not() -> None:
    graph, found = classes("conv2d(2) -> mul(identity, gap -> conv2d(2, 1))")
    first, _, gate, product = graph.nodes
    assert found.of[first.name] == found.of[gate.name] == found.of[product.name]


def test_input_and_outputs_are_fixed() -> None:
    graph, found = classes("conv2d(2) -> conv2d(3)")
    assert found.fixed == {*found.of["input"], *found.of[graph.nodes[1].name]}


def test_an_operator_of_unknown_effect_is_refused_by_name() -> None:
    graph, _ = classes("conv2d(2)")
    conv = graph.nodes[0]
    strange = Node(
        op="mystery", attrs={}, shape=conv.shape, weights={}, buffers={}, macs=0, other=0, activations=0,
        name="a.mystery", inputs=(conv.name,), stage="a", block="a",
    )  # fmt: skip
    with pytest.raises(GraphError, match=r"a\.mystery: it is not known what mystery does to channels"):
        channels_of(Graph("x", graph.input_shape, (conv, strange)))
