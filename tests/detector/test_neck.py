from __future__ import annotations

import pytest
import torch

from archlab.detector import attach_neck, levels_of
from archlab.elaborate import elaborate
from archlab.errors import ElaborationError
from archlab.grammar import parse
from archlab.ir import INPUT, Graph
from archlab.nn import build, recount

# 100 is no multiple of 32: the sizes are odd, 50, 25, 13 and 7.
TEXT = """net n(input=3x100x84)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(12, s=2)
stage3: conv(16, s=2)
stage4: conv(20, s=2)
head: gap -> fc(10)"""


@pytest.fixture(scope="module")
def backbone() -> Graph:
    return elaborate(parse(TEXT)).graph


@pytest.fixture(scope="module")
def pyramid(backbone) -> Graph:
    return attach_neck(backbone, 6)


def test_the_neck_equals_torchvisions(backbone, pyramid):
    ops = pytest.importorskip("torchvision.ops")
    oracle = ops.FeaturePyramidNetwork([8, 12, 16, 20], 6)
    module = build(pyramid).eval()
    state = oracle.state_dict()
    for i in range(4):
        for ours, theirs in (("lateral", "inner"), ("output", "layer")):
            for key in ("weight", "bias"):
                ours_key = f"neck.p{i + 2}.{ours}.{key}"
                state[f"{theirs}_blocks.{i}.0.{key}"] = module.state_dict()[ours_key]
    oracle.load_state_dict(state)
    x = torch.rand(2, 3, 100, 84, generator=torch.Generator().manual_seed(0))
    nodes = tuple(node for node in backbone if node.stage != "head")
    levels = tuple(level.node for level in levels_of(backbone)[1:])
    trunk = build(Graph("trunk", backbone.input_shape, nodes, levels)).eval()
    trunk.load_state_dict({key: module.state_dict()[key] for key in trunk.state_dict()})
    expected = oracle({str(i): y for i, y in enumerate(trunk(x))})
    for ours, theirs in zip(module(x), expected.values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_its_outputs_are_the_levels_and_nothing_else_is_kept(backbone, pyramid):
    assert pyramid.outputs == tuple(f"neck.p{i}.output" for i in (2, 3, 4, 5))
    assert [pyramid.shape_of(name) for name in pyramid.outputs] == [(6, 25, 21), (6, 13, 11), (6, 7, 6), (6, 4, 3)]
    assert not any(node.stage == "head" for node in pyramid)
    assert {node.stage for node in backbone if node.stage == "head"} == {"head"}
    some = attach_neck(backbone, 6, ("p3", "p4"))
    assert some.outputs == ("neck.p3.output", "neck.p4.output")
    assert not any(node.stage == "stage4" for node in some)


def test_fvcore_agrees(pyramid):
    counted = recount(pyramid)
    assert counted.equal
    assert counted.by_operator["upsample_nearest2d"] == 6 * (7 * 6 + 13 * 11 + 25 * 21)


def test_convolutions_of_the_neck_start_as_torchvisions(pyramid):
    module = build(pyramid)
    conv = module.get_submodule("neck.p5.lateral")
    bound = (3 / 20) ** 0.5  # kaiming_uniform with a=1
    assert 0.9 * bound < conv.weight.abs().max() <= bound
    assert not conv.bias.any()


def test_the_digest_covers_the_outputs_and_their_order(pyramid):
    swapped = Graph(pyramid.name, pyramid.input_shape, pyramid.nodes, pyramid.outputs[::-1])
    assert len({pyramid.digest, swapped.digest, Graph("n", pyramid.input_shape, pyramid.nodes).digest}) == 3


@pytest.mark.parametrize(
    ("width", "levels", "match"),
    [
        (6, ("p2", "p6"), r"no stage of the backbone ends at level p6; its stages give p1 \(stride 2\)"),
        (6, ("p2", "p4"), "must follow one another, the finest first, not p2, p4"),
        (6, ("p3", "p2"), "must follow one another"),
        (6, (), "must follow one another, the finest first, not none"),
        (0, ("p2",), "c must be a whole number of at least 1, not 0"),
    ],
)
def test_what_cannot_be_attached_is_refused(backbone, width, levels, match):
    with pytest.raises(ElaborationError, match=match):
        attach_neck(backbone, width, levels)


def test_a_stage_of_the_necks_name_is_refused():
    graph = elaborate(parse("net n\nneck: conv(8, s=4)")).graph
    with pytest.raises(ElaborationError, match="has a stage neck"):
        attach_neck(graph, 8, ("p2",))


def test_odd_strides_are_named():
    graph = elaborate(parse("net n\na: conv(8, s=3)")).graph
    with pytest.raises(ElaborationError, match="and stride 3, no power of two"):
        attach_neck(graph, 8, ("p2",))


def test_a_graph_of_one_output_says_so(pyramid):
    from archlab.errors import InputError

    with pytest.raises(InputError, match="4 outputs, not one"):
        _ = pyramid.output
    assert Graph("n", (3, 8, 8), ()).outputs == (INPUT,)
