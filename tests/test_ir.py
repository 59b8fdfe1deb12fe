from __future__ import annotations

import networkx as nx
import pytest

from archlab.elaborate import elaborate
from archlab.grammar import parse
from archlab.ir import INPUT, numel, show_shape

TEXT = """net tiny(input=3x8x8)
stem: conv(8, s=2)
body: repeat(2, residual(conv2d(8) -> relu))
head: add(gap, gap) -> fc(10)"""


@pytest.fixture(scope="module")
def graph():
    return elaborate(parse(TEXT)).graph


def test_nodes_are_named_by_their_path_in_running_order(graph):
    assert [node.name for node in graph] == [
        "stem.conv2d", "stem.norm", "stem.act",
        "body.0.conv2d", "body.0.relu", "body.0.add", "body.1.conv2d", "body.1.relu", "body.1.add",
        "head.add.0", "head.add.1", "head.add.add", "head.fc.flatten", "head.fc.linear",
    ]  # fmt: skip


def test_a_node_knows_its_stage_block_inputs_and_weights(graph):
    node = graph["body.1.add"]
    assert (node.stage, node.block, node.inputs, node.shape) == (
        "body", "body.1", ("body.1.relu", "body.0.add"), (8, 4, 4)
    )  # fmt: skip
    conv = graph["body.0.conv2d"]
    assert (dict(conv.weights), conv.params, conv.macs) == ({"weight": (8, 8, 3, 3)}, 576, 576 * 16)
    assert graph["stem.norm"].buffers == {"running_mean": (8,), "running_var": (8,), "num_batches_tracked": ()}


def test_a_graph_is_a_sequence_of_nodes_found_by_name(graph):
    assert len(graph) == 14
    assert graph.output == "head.fc.linear"
    assert graph.shape_of(INPUT) == (3, 8, 8)
    assert graph.shape_of("stem.act") == (8, 4, 4)
    with pytest.raises(KeyError):
        graph["nowhere"]


def test_a_network_without_operators_puts_out_its_input():
    graph = elaborate(parse("net n(input=3x8x8)\ns: identity")).graph
    assert (len(graph), graph.output, graph.shape_of(graph.output)) == (0, INPUT, (3, 8, 8))


def test_networkx_gets_a_graph_of_its_own(graph):
    made = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(made)
    assert list(made) == [INPUT, *(node.name for node in graph)]
    assert made.graph["name"] == "tiny"
    assert made.nodes["stem.conv2d"] == {
        "op": "conv2d", "attrs": graph["stem.conv2d"].attrs, "shape": (8, 4, 4), "stage": "stem",
        "block": "stem.conv2d",
        "params": 216, "macs": 216 * 16, "other": 0, "activations": 128, "rows": 1,
    }  # fmt: skip
    assert made.edges["body.0.add", "body.1.add"] == {"shape": (8, 4, 4)}
    assert sum(macs for _, macs in made.nodes(data="macs")) == sum(node.macs for node in graph)
    made.remove_node("stem.norm")
    assert "stem.norm" in graph.to_networkx()


def test_an_input_taken_twice_stands_twice():
    graph = elaborate(parse("net n(input=3x8x8)\ns: relu -> add(identity, identity)")).graph
    assert graph["s.add.add"].inputs == ("s.relu", "s.relu")
    assert list(graph.to_networkx().edges) == [(INPUT, "s.relu"), ("s.relu", "s.add.add")]


def test_shapes_are_shown_as_the_language_writes_them():
    assert (show_shape((64, 56, 56)), show_shape((10,)), numel((2, 3, 4)), numel(())) == ("64x56x56", "10", 24, 1)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("relu", ["s"]),
        ("relu -> relu", ["s.relu", "s.relu_2"]),
        ("residual(relu) -> residual(relu6)", ["s.relu", "s.add", "s.residual_2.relu6", "s.residual_2.add"]),
        ("skip(conv2d(8)) -> relu", ["s.conv2d", "s.relu"]),
        ("each(2, {relu, none})", ["s.0", "s.1"]),
        ("{relu, none} -> (relu6 -> silu)", ["s.choice", "s.part.relu6", "s.part.silu"]),
        ("split(relu, identity)", ["s.0.slice", "s.0.relu", "s.1.slice", "s.cat"]),
        (
            "bn -> split(relu, bn)",
            ["s.bn", "s.split.0.slice", "s.split.0.relu", "s.split.1.slice", "s.split.1.bn", "s.split.cat"],
        ),
    ],
)  # fmt: skip
def test_no_two_nodes_share_a_name(body, names):
    assert [node.name for node in elaborate(parse(f"net n(input=4x8x8)\ns: {body}")).graph] == names


def test_a_users_conv_2_and_a_second_conv_do_not_clash():
    text = "net n(input=4x8x8)\nblock conv_2(c) = conv(c)\ns: conv(8) -> conv(8) -> conv_2(8)"
    names = [node.name for node in elaborate(parse(text)).graph]
    assert len(set(names)) == len(names) == 9
