"""Two networks side by side: what is paired with what, what changed, what it costs, and what makes no difference."""

from __future__ import annotations

import dataclasses

import pytest

import archlab
from archlab.errors import InputError
from archlab.ir import Graph
from archlab.structure.compare import Diff

BASE = """net base(input=3x32x32)
stem: conv(16, 3, s=2)
stage1: repeat(2, bottleneck(64))
stage2: bottleneck(128, s=2) -> repeat(3, bottleneck(128))
head: gap -> fc(10)
"""


def changed(text: str, base: str = BASE) -> list[str]:
    """Return what changed, a line for each pair of runs that is not the same."""
    found = archlab.diff(base, text)
    assert not found.equal
    return [line_of(pair) for pair in found.pairs if pair.state != "same"]


def line_of(pair) -> str:
    return f"{pair.state}: {'; '.join(map(str, pair.changes)) or (pair.a or pair.b).label}"


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("repeat(3, bottleneck(128))", "repeat(5, bottleneck(128))", ["changed: repeats 3 → 5"]),
        ("repeat(3, bottleneck(128))", "repeat(3, bottleneck(128, k=5))", ["changed: kernel 3x3 → 5x5"]),
        ("repeat(3, bottleneck(128))", "repeat(3, bottleneck(128, g=4))", ["changed: groups 1 → 4"]),
        ("repeat(3, bottleneck(128))", "repeat(3, bottleneck(128, e=0.5))", ["changed: width inside 32 → 64"]),
        ("repeat(3, bottleneck(128))", "repeat(3, bottleneck(128, act=silu))", ["changed: activation relu → silu"]),
        (
            "repeat(3, bottleneck(128))",
            "repeat(3, basic(128))",
            ["changed: kind bottleneck → residual; width inside 32 → none; kernel 3x3 → 3x3, 3x3"],
        ),
        (" -> repeat(3, bottleneck(128))", "", ["removed: bottleneck 3x3, identity ×3"]),
        ("stem: conv(16, 3, s=2)", "stem: conv(16, 3, s=2) -> conv(16)", ["added: standard convolution 3x3"]),
        ("conv(16, 3, s=2)", "conv(16, 3, s=2, norm=gn(4))", ["changed: norm bn → gn"]),
        # No fact that a block shows: an argument.
        ("conv(16, 3, s=2)", "conv(16, 3, s=2, norm=bn(eps=0.001))", ["changed: eps 1e-05 → 0.001"]),
        ("fc(10)", "fc(20)", ["changed: channels 10 → 20"]),
        # What follows from a change before it: the first block behind it takes other channels.
        (
            "conv(16, 3, s=2)",
            "conv(24, 3, s=2)",
            ["changed: channels 16 → 24", "changed: input channels 16 → 24"],
        ),
    ],
)
def test_what_changed(old: str, new: str, lines: list[str]):
    assert old in BASE
    assert changed(BASE.replace(old, new)) == lines


def test_what_it_costs():
    found = archlab.diff(BASE, BASE.replace("repeat(3, b", "repeat(5, b"))
    (pair,) = (pair for pair in found.pairs if pair.state == "changed")
    block = 128 * 32 + 32 * 32 * 9 + 32 * 128  # weights, on maps of 8x8
    norms = 2 * (32 + 32 + 128)
    assert pair.costs("params") == (3 * (block + norms), 5 * (block + norms))
    assert pair.costs("macs") == (3 * 64 * block, 5 * 64 * block)
    before, after = found.totals()["macs"]
    assert after - before == 2 * 64 * block


def test_a_stage_that_one_lacks_is_added():
    text = BASE.replace("head:", "stage3: repeat(2, bottleneck(256, s=2))\nhead:")
    found = archlab.diff(BASE, text)
    assert [(s.name, s.a is None, s.is_same) for s in found.sections] == [
        ("stem", False, True),
        ("stage 1", False, True),
        ("stage 2", False, True),
        ("stage 3", True, False),
        ("head", False, False),
    ]
    # From 4 on, the classifier reads 256 features.
    assert [line_of(pair) for pair in found.sections[-1].pairs] == [
        "changed: channels 128 → 256",
        "changed: input features 128 → 256",
    ]


def test_a_stage_in_the_middle_does_not_move_the_others():
    names = [s.name for s in archlab.diff("resnet18", BASE).sections]
    assert names[0] == "stem"
    assert names[-1] == "head"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Names, and forms of the same.
        (BASE, BASE.replace("net base", "net other").replace("stage", "part")),
        # The order of a sum, a dropout before or behind a flatten, a number that two formulas give.
        ("net n(input=3x8x8)\na: residual(conv(3))\n", "net n(input=3x8x8)\na: add(identity, conv(3))\n"),
        (
            "net n(input=3x8x8)\na: gap -> dropout(0.5) -> flatten -> linear(4)\n",
            "net n(input=3x8x8)\na: gap -> flatten -> dropout(0.5) -> linear(4)\n",
        ),
        (
            "net n(input=3x8x8)\na: conv(3, norm=bn(momentum=1 - 0.9997))\n",
            "net n(input=3x8x8)\na: conv(3, norm=bn(momentum=0.0003))\n",
        ),
    ],
)
def test_what_makes_no_difference(a: str, b: str):
    found = archlab.diff(a, b)
    assert found.equal
    assert {pair.state for pair in found.pairs} == {"same"}


def test_a_dense_block_whose_layers_join_all_maps_is_the_same_as_one_that_nests_them():
    graph = archlab.elaborate("net n(input=3x8x8)\na: repeat(3, cat(identity, conv(4)))\n").graph
    flat: dict[str, tuple[str, ...]] = {}
    nodes = []
    for node in graph:
        if node.op == "cat":
            flat[node.name] = tuple(leaf for name in node.inputs for leaf in flat.get(name, (name,)))
            node = dataclasses.replace(node, inputs=flat[node.name])
        nodes.append(node)
    wide = Graph("wide", graph.input_shape, tuple(nodes))
    assert wide.digest != graph.digest
    assert archlab.structure(wide).counts() == {"dense layer": 3}
    assert archlab.diff(wide, graph).equal


def test_another_input_alone_is_a_difference_without_a_block():
    found = archlab.diff(BASE, BASE.replace("3x32x32", "3x64x64"))
    assert not found.equal
    assert {pair.state for pair in found.pairs} == {"same"}
    assert "the blocks are the same; the input is not" in str(found)


def test_itself():
    for name in ("inception_v3", "detection"):
        assert archlab.diff(name, name).equal


def test_as_data():
    data = archlab.diff(BASE, BASE.replace("repeat(3, b", "repeat(5, b")).as_dict()
    assert (data["equal"], data["a"]["name"], data["b"]["counts"]["bottleneck"]) == (False, "base", 8)
    (section,) = (section for section in data["sections"] if not section["same"])
    blocks = section["blocks"]
    assert [block["state"] for block in blocks] == ["same", "changed"]
    assert blocks[1]["changes"] == [{"what": "repeats", "before": "3", "after": "5"}]


def test_what_has_no_graph_is_refused_with_the_way_out():
    class Model:
        def forward(self):
            """A torch module has one."""

    with pytest.raises(InputError, match=r"a torch module \(Model\) has no graph") as error:
        archlab.diff(Model(), "resnet18")
    assert "archlab.lift(model, inputs)" in str(error.value)
    with pytest.raises(InputError, match="is no architecture"):
        archlab.structure(3)


def test_what_a_lift_gives_is_compared_by_its_graph():
    class Lifted:
        graph = archlab.elaborate("resnet18").graph

    found: Diff = archlab.diff(Lifted(), "resnet18")
    assert found.equal
