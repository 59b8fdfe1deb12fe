from __future__ import annotations

import pytest

from archlab.detector import levels_of
from archlab.elaborate import elaborate
from archlab.errors import ElaborationError
from archlab.grammar import parse
from archlab.resources import find_architecture


def of(body: str, size: str = "3x64x64"):
    return elaborate(parse(f"net n(input={size})\n{body}")).graph


def summary(graph):
    return [(level.name, level.node, level.stride, level.shape) for level in levels_of(graph)]


def test_a_level_is_the_deepest_end_of_a_stage_at_its_stride():
    graph = of("a: conv2d(8, s=2) -> maxpool(2)\nb: conv2d(16)\nc: conv2d(24, 3, s=2) -> relu\nd: gap -> fc(10)")
    assert summary(graph) == [("p2", "b", 4, (16, 16, 16)), ("p3", "c.relu", 8, (24, 8, 8))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", [("p2", 256), ("p3", 512), ("p4", 1024), ("p5", 2048)]),
        ("mobilenet_v2", [("p1", 16), ("p2", 24), ("p3", 32), ("p4", 96), ("p5", 320)]),
        ("googlenet", [("p3", 192), ("p4", 480), ("p5", 1024)]),
        ("xception", [("p2", 128), ("p4", 728), ("p5", 2048)]),
        ("nasbench_macro", [("p0", 32), ("p1", 64), ("p2", 128), ("p3", 256)]),
    ],
)
def test_levels_of_shipped_networks(name, expected):
    from archlab.grammar import parse_file

    levels = levels_of(elaborate(parse_file(find_architecture(name))).graph)
    assert [(level.name, level.channels) for level in levels] == expected


def test_strides_are_of_the_operators_and_not_of_the_sizes():
    # Without padding 64 becomes 31, and 31 becomes 15: 64 / 15 is no power of two.
    graph = of("a: conv2d(8, 3, s=2, p=0)\nb: conv2d(8, 3, s=2, p=0)")
    assert summary(graph)[1] == ("p2", "b", 4, (8, 15, 15))
    # And where the size stays, so that sizes would say 1, the strides say what they are.
    assert summary(of("a: conv2d(8, 3, s=2, p=33)", "3x64x64"))[0][2] == 2


def test_upsampling_divides_the_stride():
    assert summary(of("a: conv2d(8, s=4) -> upsample(2)\nb: upsample(2)")) == [
        ("p0", "b", 1, (8, 64, 64)), ("p1", "a.upsample", 2, (8, 32, 32)),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["gap", "adaptive_avgpool(2)", "flatten", "flatten -> linear(8)", "gap -> upsample(8)"])
def test_what_ends_the_map_ends_the_levels(end):
    assert [level.name for level in levels_of(of(f"a: conv2d(8, s=2)\nb: {end}"))] == ["p1"]


def test_a_gate_that_is_broadcast_does_not_change_the_stride():
    graph = of("a: conv2d(8, s=2) -> mul(identity, gap -> conv2d(8, 1))")
    assert summary(graph) == [("p1", "a.mul.mul", 2, (8, 32, 32))]


def test_branches_of_different_strides_have_no_stride():
    graph = of("a: cat(conv2d(4, 1, s=2) -> upsample(2), conv2d(4, 3, s=1) -> maxpool(1, s=2) -> upsample(2))")
    assert summary(graph)[0][0] == "p0"
    odd = of("a: cat(conv2d(4, 3, s=2, p=1), conv2d(4, 33, p=0))")
    with pytest.raises(ElaborationError, match=r"a\.cat: cat joins branches of strides 1 and 2"):
        levels_of(odd)


@pytest.mark.parametrize("body", ["a: conv2d(8, s=3)", "a: conv2d(8, s=1x2)", "a: upsample(2)"])
def test_a_stride_that_is_no_power_of_two_is_no_level(body):
    assert levels_of(of(body)) == ()
