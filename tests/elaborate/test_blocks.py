"""The prelude against hand arithmetic, and what a block, a branch and `in` mean."""

from __future__ import annotations

import pytest

from archlab.elaborate import elaborate
from archlab.grammar import parse


def network(body, shape="128x8x8", before=""):
    return elaborate(parse(f"net n(input={shape})\n{before}\ns: {body}"))


def conv_weights(body, shape="128x8x8"):
    return sum(node.params for node in network(body, shape).graph if node.op in ("conv2d", "linear"))


def ops(body, shape="128x8x8", before=""):
    return [node.op for node in network(body, shape, before).graph]


@pytest.mark.parametrize(
    ("body", "weights"),
    [
        ("conv(256)", 128 * 256 * 9),  # 294,912
        ("separable(256, dm=4)", 128 * (9 * 4 + 4 * 256)),  # 135,680, 46 % of it
        ("separable(256)", 128 * 9 + 128 * 256),
        ("depthwise(5, dm=2)", 256 * 25),
        ("conv(128, 5)", 128 * 128 * 25),
        ("two3x3(128)", 2 * 128 * 128 * 9),  # 18/25 of the 5x5
        ("factorised(128)", 128 * 128 * (3 + 3)),
        ("factorised(64, k=7)", 128 * 64 * 7 + 64 * 64 * 7),
        ("group(256, g=4)", 256 * 32 * 9),
        ("basic(128)", 2 * 128 * 128 * 9),
        ("basic(256, s=2)", 128 * 256 * 9 + 256 * 256 * 9 + 128 * 256),  # and the projection
        ("bottleneck(128)", 128 * 32 + 32 * 32 * 9 + 32 * 128),
        ("bottleneck(256, s=2, g=32, e=0.5)", 128 * 128 + 128 * 4 * 9 + 128 * 256 + 128 * 256),
        ("inverted(128)", 128 * 768 + 768 * 9 + 768 * 128),
        ("inverted(64, e=1)", 128 * 9 + 128 * 64),
        # squeeze and excitation on the 256 expanded channels, with biases
        ("inverted(64, e=2, se=0.25)", 128 * 256 + 256 * 9 + 256 * 64 + (256 * 64 + 64) + (64 * 256 + 256)),
        ("squeeze_excite", 128 * 32 + 32 + 32 * 128 + 128),
        ("shuffle_unit(240, g=4, g1=1, s=2)", 128 * 60 + 60 * 9 + 60 * 112 // 4),
        ("shuffle_unit(128, g=4)", 128 * 32 // 4 + 32 * 9 + 32 * 128 // 4),
        ("shuffle_unit_v2(128)", 64 * 64 + 64 * 9 + 64 * 64),
        ("shuffle_unit_v2(256, s=2)", (128 * 9 + 128 * 128) + (128 * 128 + 128 * 9 + 128 * 128)),
        ("fc(10)", 128 * 64 * 10 + 10),
        ("conv(8, norm=none)", 128 * 8 * 9 + 8),  # nothing else would shift it
        ("conv(8, norm=gn(2))", 128 * 8 * 9),
    ],
)
def test_a_prelude_block_has_the_weights_of_its_paper(body, weights):
    assert conv_weights(body) == weights


def test_a_5x5_and_its_two_3x3_see_as_far():
    assert network("two3x3(16, s=2)").body.shape == network("conv(16, 5, s=2)").body.shape == (16, 4, 4)


def test_activation_and_norm_are_arguments():
    assert ops("conv(8, act=none)") == ["conv2d", "bn"]
    assert ops("conv(8, act=leaky_relu(0.2), norm=gn(2))") == ["conv2d", "gn", "leaky_relu"]
    assert ops("conv(8, act=twice)", before="block twice() = relu -> relu6") == ["conv2d", "bn", "relu", "relu6"]


def test_a_residual_projects_its_shortcut_only_where_the_shape_asks_for_it():
    assert ops("residual(conv2d(128))") == ["conv2d", "add"]
    assert ops("residual(conv2d(64, s=2))") == ["conv2d", "conv2d", "bn", "add"]
    assert ops("residual(conv2d(64), conv2d(64, 1))") == ["conv2d", "conv2d", "add"]


def test_a_shortcut_that_is_written_is_built_where_the_shape_asks_for_none_too():
    written = network("residual(conv(64), conv(64, 1))", "64x8x8")
    assert written.body.params == 64 * 64 * 9 + 2 * 64 + 64 * 64 + 2 * 64 == 41_216
    assert written.digest == network("add(conv(64), conv(64, 1))", "64x8x8").digest
    assert network("residual(conv(64), identity)", "64x8x8").digest == network("residual(conv(64))", "64x8x8").digest


def test_a_skip_is_nothing_where_the_shape_changes():
    assert ops("skip(conv2d(128))") == ["conv2d", "add"]
    assert ops("skip(conv2d(64))") == ["conv2d"]


def test_a_projection_may_stride_differently_in_height_and_width():
    graph = network("residual(conv2d(128, s=1x2))", "128x9x8").graph
    assert graph["s.shortcut.conv2d"].attrs["stride"] == (1, 2)


@pytest.mark.parametrize(
    ("body", "channels"),
    [
        ("conv(8) -> conv(in * 2)", 256),  # the stage's input
        ("conv(8) -> residual(conv(in * 2))", 16),  # the branch's input
        ("split(conv(in), identity)", 128),  # half of them
        ("conv(8) -> repeat(2, conv(in * 2))", 32),  # each copy's input
        ("conv(8) -> b(conv(in * 2))", 256),  # lexical: where it is written, not where it is used
        ("conv(8) -> a", 24),  # the block's input
    ],
)
def test_in_is_the_input_of_the_enclosing_block_or_branch(body, channels):
    before = "block b(f) = conv(32) -> f\nblock a() = conv(4) -> conv(in * 3)"
    assert network(body, before=before).body.shape[0] == channels


def test_a_block_of_the_text_hides_one_of_the_prelude_but_not_inside_it():
    before = "block fc(n) = gap -> flatten -> linear(n)\nblock conv(c) = conv2d(c, 1)"
    assert ops("conv(8) -> fc(10)", before=before) == ["conv2d", "gap", "flatten", "linear"]
    assert ops("separable(8)", before=before) == ["conv2d", "bn", "relu"] * 2


def test_a_parameter_may_have_the_name_of_a_block():
    before = "block act(c) = conv(c)\nblock b(act) = act -> act"
    assert ops("b(relu)", before=before) == ["relu", "relu"]


def test_a_default_may_use_the_parameters_before_it():
    graph = network("b(8)", before="block b(c, m=c * 2) = conv2d(m) -> conv2d(c)").graph
    assert [node.shape[0] for node in graph] == [16, 8]


@pytest.mark.parametrize(
    ("condition", "taken"),
    [("in == 128", "relu"), ("in != 128", "relu6"), ("in > 128", "relu6"), ("in >= 128", "relu"), ("in < 129", "relu"),
     ("in <= 127", "relu6"), ("none == none", "relu"), ("relu == relu6", "relu6"), ("same == same", "relu"),
     ("1x3 == 1x3", "relu"), ("1x3 != 3x1", "relu")],
)  # fmt: skip
def test_a_condition_picks_a_side(condition, taken):
    assert ops(f"relu if {condition} else relu6") == [taken]


@pytest.mark.parametrize(
    ("value", "channels"),
    [("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("7 // 2", 3), ("7 / 2", 4), ("8 - -2", 10), ("min(9, 7, 8)", 7),
     ("max(in / 4, 8)", 32), ("round_to(30, 8)", 32), ("round_to(9, 8)", 16), ("fixed(5)", 5)],
)  # fmt: skip
def test_arithmetic(value, channels):
    assert network(f"conv({value})").body.shape[0] == channels


def test_size_makes_a_kernel_of_two_numbers():
    assert network("conv2d(8, size(1, 2 + 1))").graph["s"].attrs["kernel"] == (1, 3)
