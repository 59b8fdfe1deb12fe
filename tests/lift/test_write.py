"""Graphs to text and back: the same digest, exact texts, and no text much longer than the shipped one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from archlab.elaborate import elaborate
from archlab.errors import LiftError
from archlab.grammar import parse, unparse
from archlab.ir import INPUT, Graph
from archlab.lift.text.cats import with_flat_cats
from archlab.lift.write import write_text
from archlab.resources import find_architecture, shipped_spaces
from tests.elaborate.random_networks import texts
from tests.lift import hand_made
from tests.lift.hand_made import Builder

NETWORKS = tuple(name for name in shipped_spaces() if name != "detection")
"""All that are shipped but the detectors, which have several outputs."""
SAME = ("resnet18", "resnet50")
"""Whose text is written just as it is shipped."""
EXPECTED = {
    "mobilenet_v2": """net mobilenet_v2(input=3x224x224, act=relu6)
stem: conv(32, s=2)
stage1: inverted(16, e=1)
stage2: repeat(2, inverted(24, s=2))
stage3: repeat(3, inverted(32, s=2))
stage4: repeat(4, inverted(64, s=2)) -> repeat(3, inverted(96))
stage5: repeat(3, inverted(160, s=2)) -> inverted(320)
head: conv(1280, 1) -> gap -> flatten -> dropout(0.2) -> linear(1000)
""",
    "densenet121": """net densenet121(input=3x224x224)
block dense() = cat(identity, bn -> relu -> conv(128, 1) -> conv2d(32))
block down(c) = bn -> relu -> conv2d(c, 1) -> avgpool(2)
stem: conv(64, 7, s=2) -> maxpool(3, s=2)
stage1: repeat(6, dense) -> down(128)
stage2: repeat(12, dense) -> down(256)
stage3: repeat(24, dense) -> down(512)
stage4: repeat(16, dense)
head: bn -> relu -> gap -> fc(1000)
""",
    "shufflenet_v2_x1_0": """net shufflenet_v2_x1_0(input=3x224x224)
stem: conv(24, s=2) -> maxpool(3, s=2)
stage1: repeat(4, shuffle_unit_v2(116, s=2))
stage2: repeat(8, shuffle_unit_v2(232, s=2))
stage3: repeat(4, shuffle_unit_v2(464, s=2))
head: conv(1024, 1) -> gap -> fc(1000)
""",
    "regnet_y_400mf": """net regnet_y_400mf(input=3x224x224)
block res(c, s=1) = residual(conv(c, 1) -> conv(c, s=s, g=c / 8) -> squeeze_excite(n=in / 4) -> conv(c, 1, act=none)) -> relu
stem: conv(32, s=2)
stage1: res(48, s=2)
stage2: repeat(3, res(104, s=2))
stage3: repeat(6, res(208, s=2))
stage4: repeat(6, res(440, s=2))
head: gap -> fc(1000)
""",
}
HAND_MADE = {
    hand_made.unet: """net unet(input=3x64x64)
stage1: repeat(2, conv(16))
stage2: maxpool(2) -> repeat(2, conv(32))
stage3: maxpool(2) -> repeat(2, conv(64))
up1: cat(upsample, stage2) -> repeat(2, conv(32))
up2: cat(upsample, stage1) -> repeat(2, conv(16)) -> conv2d(2, 1, bias=1)
""",
    hand_made.path_aggregation: """net path_aggregation(input=3x64x64)
stage1: conv(16, s=2)
stage2: conv(32, s=2)
stage3: conv(64, s=2)
up1: cat(upsample, stage2) -> conv(32)
up2: cat(upsample, stage1) -> conv(16)
stage4: conv(32, s=2) -> cat(identity, up1) -> conv(32)
stage5: conv(64, s=2) -> cat(identity, stage3) -> conv(64)
""",
    hand_made.res2net: """net res2net(input=16x32x32)
stage1: residual(conv(32, 1) -> split(identity, conv(8) as x, add(identity, x) -> conv(8) as y, add(identity, y) -> conv(8)) -> conv(16, 1, act=none)) -> relu
""",
    hand_made.nasbench201: """net nasbench201(input=16x32x32)
stage1: add(add(conv(16), conv(16) as x -> conv(16, 1)), conv(16, 1) -> add(identity, x -> avgpool(3, s=1)) -> conv(16))
""",
    hand_made.flat_dense: """net flat_dense(input=16x32x32)
stage1: repeat(6, cat(identity, conv(8)))
""",
    hand_made.unequal: """net unequal(input=16x32x32)
stage1: cat(slice(0, 4) -> relu, slice(4, 16))
""",
    hand_made.c2f: """net c2f(input=16x32x32)
block res() = residual(repeat(2, conv(16)))
stem: conv(32, 1)
stage1: split(identity, cat(identity, res -> cat(identity, res))) -> conv(32, 1)
""",
}


@pytest.fixture(scope="module", params=NETWORKS)
def shipped(request):
    """A shipped network's graph, and the text that is written for it."""
    graph = elaborate(request.param).graph
    return request.param, graph, unparse(write_text(graph))


def test_a_shipped_network_is_itself_again(shipped):
    _, graph, text = shipped
    assert elaborate(text).graph.digest == graph.digest


def test_no_text_is_half_as_long_again_as_the_shipped_one(shipped):
    name, _, text = shipped
    lines = find_architecture(name).read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(text) <= 1.5 * len("".join(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("name", SAME)
def test_a_shipped_text_comes_out_as_it_is(name):
    lines = find_architecture(name).read_text(encoding="utf-8").splitlines(keepends=True)
    assert unparse(write_text(elaborate(name).graph)) == "".join(line for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_shipped_network_as_it_is_written(name):
    assert unparse(write_text(elaborate(name).graph)) == EXPECTED[name]


@pytest.mark.parametrize("make", HAND_MADE, ids=lambda make: make.__name__)
def test_a_graph_that_no_text_gave(make):
    assert unparse(write_text(make())) == HAND_MADE[make]


def test_flat_concatenations_are_the_network_of_nested_ones():
    graph = hand_made.flat_dense()
    written = elaborate(write_text(graph)).graph
    assert written.digest != graph.digest
    assert with_flat_cats(written).digest == with_flat_cats(graph).digest


@settings(max_examples=40, deadline=None)
@given(texts())
def test_a_random_text_is_itself_again(text):
    graph = elaborate(parse(text)).graph
    assert elaborate(write_text(graph)).graph.digest == graph.digest


@pytest.mark.parametrize("seed", range(60))
def test_a_random_graph_is_itself_again(seed):
    graph = hand_made.random_graph(seed)
    written = elaborate(write_text(graph)).graph
    assert with_flat_cats(written).digest == with_flat_cats(graph).digest


def test_the_name_may_be_another():
    assert write_text(elaborate("resnet18").graph, "mine").name == "mine"


def test_a_network_without_operators_is_the_identity():
    assert (
        unparse(write_text(elaborate("net n(input=3x8x8)\nbody: identity").graph))
        == "net n(input=3x8x8)\nbody: identity\n"
    )


# --- what cannot be said ---------------------------------------------------------------------------------------------


def _refusal(graph: Graph) -> str:
    with pytest.raises(LiftError) as error:
        write_text(graph)
    return error.value.message


def test_several_outputs_are_refused():
    b = Builder()
    first, second = b("relu", INPUT), b("tanh", INPUT)
    assert _refusal(b.graph("two", (first, second))) == "two has 2 outputs: a text gives one"


def test_an_operator_that_nothing_takes_is_refused_by_name():
    b = Builder()
    b("tanh", INPUT)
    b("relu", INPUT)
    assert _refusal(b.graph("lost")) == "n0: nothing takes what it gives"


def test_what_stands_in_detectors_alone_is_refused_by_name():
    b = Builder()
    b("upsample_like", b("maxpool", INPUT, k=2), INPUT)
    assert _refusal(b.graph("like")) == "n1: the language has no upsample_like outside a detector"
