"""Each kind by a text of one block, and beside it what only looks like it and must not be taken for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from archlab.elaborate import elaborate
from archlab.errors import LimitError
from archlab.ir import Applied, Graph, Node
from archlab.structure import find_structure
from archlab.structure.found import Block, Structure


def structure_of(body: str, channels: int = 32) -> Structure:
    text = f"net n(input=3x64x64)\nstem: conv({channels}, 3, s=2)\nbody: {body}\nend: conv(8, 3)\n"
    return find_structure(elaborate(text).graph)


def blocks_of(body: str, channels: int = 32) -> list[Block]:
    """Return the blocks between two plain 3x3 convolutions."""
    blocks = structure_of(body, channels).blocks
    assert blocks[0].kind == blocks[-1].kind == "standard convolution"
    return list(blocks[1:-1])


def titles(body: str, channels: int = 32) -> list[str]:
    return [block.title for block in blocks_of(body, channels)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("conv(48, 5)", "standard convolution"),
        ("conv(48, 1)", "pointwise convolution"),
        ("conv(48, 3, g=4)", "grouped convolution"),
        ("depthwise(3)", "depthwise convolution"),
        ("separable(48)", "depthwise separable"),
        ("bottleneck(64)", "bottleneck"),
        ("conv(8, 1) -> conv(8, 3) -> conv(64, 1)", "bottleneck"),
        ("inverted(48)", "inverted bottleneck"),
        ("shuffle_unit(96, s=2, g=4) ", "shuffle unit v1"),
        ("shuffle_unit(32, g=4)", "shuffle unit v1"),
        ("shuffle_unit_v2(32)", "shuffle unit v2"),
        ("shuffle_unit_v2(64, s=2)", "shuffle unit v2"),
        ("basic(32)", "residual"),
        ("cat(identity, conv(16, 3))", "dense layer"),
        ("cat(identity, conv(64, 1) -> conv(16, 3))", "dense layer"),
        ("cat(conv(8, 1), conv(4, 1) -> conv(8, 3), maxpool(3, s=1) -> conv(8, 1))", "inception module"),
        ("factorised(48, k=7)", "factorised pair"),
        ("conv2d(48, 3) -> conv(48, 3)", "factorised pair"),
        ("conv(8, 1) -> cat(conv(16, 1), conv(16, 3))", "fire module"),
        ("maxpool(3)", "pooling"),
        ("upsample(2)", "upsample"),
    ],
)
def test_a_block_of_each_kind(body: str, kind: str):
    assert titles(body) == [kind]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        # The middle is not wider than what comes in: a plain series as in Darknet-19, and separables that narrow.
        ("conv(64, 1) -> conv(64, 3) -> conv(64, 1)", ["pointwise convolution", "standard convolution"] * 1
         + ["pointwise convolution"]),
        ("conv(16, 1) -> conv(32, 3) -> conv(16, 1)",
         ["pointwise convolution", "standard convolution", "pointwise convolution"]),
        ("separable(64) -> separable(16)", ["depthwise separable"] * 2),
        ("conv(32, 1) -> conv(32, 3) -> conv(64, 1)",
         ["pointwise convolution", "standard convolution", "pointwise convolution"]),
        # The window does not keep the width.
        ("conv(8, 1) -> conv(16, 3) -> conv(64, 1)",
         ["pointwise convolution", "standard convolution", "pointwise convolution"]),
        # Around a depthwise convolution, neither expanded before nor narrowed behind.
        ("conv(32, 1) -> depthwise(3) -> conv(16, 1, act=none)", ["pointwise convolution", "depthwise separable"]),
        ("conv(64, 1) -> depthwise(3) -> conv(64, 1, act=none)", ["pointwise convolution", "depthwise separable"]),
        # An activation behind the last 1x1: no linear bottleneck.
        ("conv(64, 1) -> depthwise(3) -> conv(16, 1)", ["pointwise convolution", "depthwise separable"]),
        # The middle is wider than the output, and dense.
        ("residual(conv(96, 1) -> conv(96, 3) -> conv(32, 1, act=none))", ["residual"]),
        # Depthwise, and then 1x1 in groups: not all channels are read.
        ("depthwise(3) -> conv(48, 1, g=4)", ["depthwise convolution", "grouped convolution"]),
        # Neither branch is the input or a projection of it.
        ("add(conv(32, 3), conv(32, 3))", ["unplaced add of 2 branches"]),
        ("add(conv(32, 1, act=none), conv(32, 1, act=none))", ["unplaced add of 2 branches"]),
        # Two linear convolutions, as in a RepVGG block with a stride: their sum is one convolution.
        ("add(conv(32, 1, act=none), conv(32, 3, act=none))", ["unplaced add of 2 branches"]),
        # Sums of an early and a late map: around an hourglass, and around other residuals.
        ("add(conv(32, 1, act=none), basic(32) -> conv(32, 3, act=none))",
         ["residual", "standard convolution", "pointwise convolution", "unplaced add of 2 inputs"]),
        ("residual(maxpool(2) -> conv(32, 3) -> upsample(2))",
         ["pooling", "standard convolution", "upsample", "unplaced add of 2 inputs"]),
        # A projection with an activation is a branch like any other.
        ("add(conv(32, 1), conv(32, 3))", ["unplaced add of 2 branches"]),
        # Three branches of a sum, as in RepVGG before it is deployed.
        ("add(identity, conv(32, 1, act=none), conv(32, 3, act=none))", ["unplaced add of 3 branches"]),
        # A gate without means, with one layer alone, without a gate, or of pooled places.
        ("mul(identity, conv2d(8, 1) -> relu -> conv2d(32, 1) -> sigmoid)", ["unplaced mul of 2 branches"]),
        ("mul(identity, gap -> conv2d(32, 1) -> sigmoid)", ["unplaced mul of 2 branches"]),
        ("mul(identity, gap -> conv2d(8, 1) -> relu -> conv2d(32, 1))", ["unplaced mul of 2 branches"]),
        ("mul(identity, gap -> conv2d(8, 1) -> conv2d(32, 1) -> sigmoid)", ["unplaced mul of 2 branches"]),
        ("mul(identity, conv2d(16, 1) -> conv2d(8, 1) -> relu -> conv2d(32, 1) -> sigmoid)",
         ["unplaced mul of 2 branches"]),
        # A ghost module: the fork beside a depthwise convolution of it.
        ("cat(identity, depthwise(3))", ["unplaced cat of 2 branches"]),
        # Without the input, or with more behind it, it is no dense layer.
        ("cat(conv(8, 1), conv(8, 3))", ["unplaced cat of 2 branches"]),
        ("cat(identity, conv(8, 3) -> conv(8, 3))", ["unplaced cat of 2 branches"]),
        ("cat(identity, conv(16, 1))", ["unplaced cat of 2 branches"]),
        # Branches of one window, or of which none narrows first, or with a depthwise convolution.
        ("cat(conv(8, 1) -> conv(8, 3), conv(8, 3), conv(8, 3))", ["unplaced cat of 3 branches"]),
        ("cat(conv(8, 1), conv(8, 3), conv(8, 5))", ["unplaced cat of 3 branches"]),
        ("cat(conv(8, 1), conv(8, 1) -> conv(8, 3), depthwise(5))", ["unplaced cat of 3 branches"]),
        # Atrous spatial pyramid pooling: windows of one size, dilated.
        ("cat(conv(8, 1), conv(8, 1) -> conv(8, 3, d=2), conv(8, 3, d=4))", ["unplaced cat of 3 branches"]),
        # Spatial pyramid pooling, and depthwise windows of several sizes (MixNet).
        ("cat(identity, maxpool(3, s=1), maxpool(5, s=1))", ["unplaced cat of 3 branches"]),
        ("cat(depthwise(3), depthwise(5), depthwise(7))", ["unplaced cat of 3 branches"]),
        # The squeeze does not squeeze.
        ("conv(48, 1) -> cat(conv(16, 1), conv(16, 3))", ["pointwise convolution", "unplaced cat of 2 branches"]),
        # Windows of two lengths, the same way twice, and with an activation two 3x3 in the trunk.
        ("conv(32, 1x3) -> conv(32, 5x1)", ["standard convolution"] * 2),
        ("conv(32, 1x3) -> conv(32, 1x3)", ["standard convolution"] * 2),
        ("conv(32, 3) -> conv(32, 3)", ["standard convolution"] * 2),
        ("conv2d(16, 3) -> conv(32, 3)", ["standard convolution"] * 2),
        # ShuffleNet v2's branches without the shuffle, and a shuffle without the branches.
        ("split(identity, shuffle_v2_branch(16))", ["unplaced cat of 2 branches"]),
        ("cat(depthwise(act=none) -> conv(16, 1), shuffle_v2_branch(16)) -> shuffle(2)",
         ["unplaced cat of 2 branches", "shuffle"]),
        ("cat(depthwise(s=2) -> conv(16, 1), shuffle_v2_branch(16, s=2)) -> shuffle(2)",
         ["unplaced cat of 2 branches", "shuffle"]),
        # The last 1x1 of a ShuffleNet v1 branch is grouped.
        ("residual(conv(8, 1, g=4) -> shuffle(4) -> depthwise(act=none) -> conv(32, 1, act=none))", ["residual"]),
        ("conv(32, 1, g=4) -> shuffle(4) -> depthwise(act=none) -> conv(32, 1, g=4)",
         ["grouped convolution", "shuffle", "depthwise convolution", "grouped convolution"]),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(body: str, found: list[str]):
    assert titles(body) == found


def test_a_depthwise_separable_has_its_multiplier():
    (block,) = blocks_of("separable(64, dm=4)")
    assert (block.settings.multiplier, block.settings.kernel, block.settings.channels) == (4, ("3x3",), 64)
    assert block.params == 32 * 4 * (9 + 2) + 64 * (128 + 2)  # weights, and two of each norm


def test_a_bottleneck_has_groups_width_stride_and_its_projection():
    (block,) = blocks_of("bottleneck(64, k=5, s=2, g=4, e=0.5)")
    settings = block.settings
    assert (settings.groups, settings.width, settings.stride, settings.kernel) == (4, 32, 2, ("5x5",))
    assert (block.kind, block.shortcut, block.inside) == ("bottleneck", "projected", ())


def test_a_squeeze_excite_is_inside_the_block_that_it_gates():
    (block,) = blocks_of("inverted(32, se=0.25, e=4)")
    (gate,) = block.inside
    assert (block.kind, block.shortcut, gate.kind) == ("inverted bottleneck", "identity", "squeeze-excite")
    assert block.settings.squeeze == gate.settings.squeeze == 32  # a quarter of 128


def test_a_squeeze_excite_behind_a_residual_body():
    (block,) = blocks_of("residual(conv(32, 3) -> conv(32, 3, act=none) -> squeeze_excite(0.25)) -> relu")
    assert (block.kind, [part.kind for part in block.inside]) == ("residual", ["standard convolution"] * 2)
    assert [part.kind for part in block.inside[1].inside] == ["squeeze-excite"]


def test_norms_before_convolutions_go_with_these():
    (block,) = blocks_of("residual(bn -> relu -> conv2d(32, 3) -> bn -> relu -> conv2d(32, 3))")
    assert (block.kind, block.shortcut, len(block.nodes)) == ("residual", "identity", 7)


def test_what_is_read_elsewhere_too_ends_a_block():
    """With the depthwise convolution's output as an output of the network, a 1x1 behind it makes no separable."""
    graph = elaborate("net n(input=3x16x16)\na: depthwise(3) -> conv(8, 1)\n").graph
    assert find_structure(graph).counts() == {"depthwise separable": 1}
    both = replace(graph, outputs=(graph.nodes[2].name, graph.nodes[-1].name))
    assert find_structure(both).counts() == {"pointwise convolution": 1, "depthwise convolution": 1}


def test_a_u_net_is_taken_apart_where_it_joins():
    """Ronneberger et al., arXiv:1505.04597, figure 1, with one level below the first."""
    down = "maxpool(2) -> conv(16) -> conv(16) -> upsample(2) -> conv(8)"
    text = f"net u(input=3x64x64)\na: conv(8) -> conv(8) -> cat(identity, {down}) -> conv(8)\n"
    structure = find_structure(elaborate(text).graph)
    assert [(section.shape[1:], [block.title for block in section.blocks]) for section in structure.sections] == [
        ((64, 64), ["standard convolution"] * 2),
        ((32, 32), ["pooling"] + ["standard convolution"] * 2),
        ((64, 64), ["upsample", "standard convolution", "unplaced cat of 2 inputs", "standard convolution"]),
    ]


def test_a_norm_behind_a_concatenation_goes_with_what_follows():
    head = find_structure(elaborate("densenet121").graph).sections[-1]
    assert (head.blocks[0].kind, head.blocks[0].params) == ("global pooling", 2 * 1024)  # the last norm of the network


def test_a_feature_pyramid_is_left_as_its_operators():
    structure = find_structure(elaborate("detection").graph)
    unplaced = [block.title for block in structure.unplaced]
    assert unplaced == ["unplaced add of 2 inputs"] * 3  # the top-down path: three of four levels have one above
    assert structure.sections[-1].name == "head"
    assert structure.sections[-1].blocks[0].title == "roi_align"


def test_no_network_is_no_structure():
    assert find_structure(elaborate("net n(input=3x8x8)\na: identity\n").graph).sections == ()


def step(name: str, op: str, inputs: tuple[str, ...]) -> Node:
    applied = Applied(op=op, attrs={}, shape=(8, 4, 4), weights={}, buffers={}, macs=0, other=0, activations=0)
    return Node.of(applied, name, inputs, "all", "all.0")


def nested(depth: int) -> Graph:
    """Return sums inside each other: shuffles in a row, then each of their inputs added, the last first."""
    names = ["input", *(f"shuffle{i}" for i in range(depth))]
    nodes = [step(name, "shuffle", (before,)) for before, name in pairwise(names)]
    last = names[-1]
    for i, source in enumerate(reversed(names[:-1])):
        nodes.append(step(f"add{i}", "add", (last, source)))
        last = f"add{i}"
    return Graph("nested", (8, 4, 4), tuple(nodes))


def test_joins_inside_each_other_are_taken_from_the_inside():
    (block,) = find_structure(nested(3)).blocks
    assert [part.title for part in block.walk()] == [
        *("unplaced add of 2 branches", "shuffle", "unplaced add of 2 branches", "shuffle"),
        *("unplaced add of 2 branches", "shuffle"),
    ]


def test_what_nests_too_deeply_is_one_error():
    with pytest.raises(LimitError, match="the branches of nested nest too deeply"):
        find_structure(nested(3000))
