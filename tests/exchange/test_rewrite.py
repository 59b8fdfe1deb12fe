"""Rewrites: the literature's figures to the unit, and texts that are networks again."""

from __future__ import annotations

import doctest

import pytest

import archlab
from archlab.errors import InputError
from archlab.exchange import rewrite as module
from archlab.exchange.rewrite import rewrite
from archlab.exchange.rewrite_rules import RULES, RewriteOptions

WORKED = "net worked(input=128x14x14)\nbody: conv2d(256, 3)"


def rewritten(text: str, rule: str, where: str | None = None, **options) -> archlab.Architecture:
    """The rewriting, through its text."""
    return archlab.parse(archlab.unparse(rewrite(archlab.parse(text), rule, where, RewriteOptions(**options))))


def params(architecture) -> int:
    return archlab.cost(archlab.elaborate(architecture)).params


@pytest.mark.parametrize(
    ("rule", "options", "expected"),
    [
        ("separable", {"dm": 4}, 128 * (3 * 3 * 4 + 4 * 256)),
        ("separable", {}, 128 * (3 * 3 + 256)),
        ("factorise3x3", {}, 128 * 3 * 256 + 256 * 3 * 256),
        ("group_shuffle", {"groups": 4}, 128 * 256 * 9 // 4),
        ("bottleneck", {}, 128 * 64 + 64 * 64 * 9 + 64 * 256),
    ],
)
def test_the_worked_example_to_the_unit(rule, options, expected):
    assert params(archlab.parse(WORKED)) == 294_912
    assert params(rewritten(WORKED, rule, **options)) == expected


def test_the_literatures_figure():
    """3x3, 128 to 256: 294,912 weights; depthwise with multiplier 4 and pointwise 135,680, 46 %."""
    old, new = (
        archlab.cost(archlab.elaborate(a)) for a in (archlab.parse(WORKED), rewritten(WORKED, "separable", dm=4))
    )
    assert module.compare(old, new)[0] == "params: 294,912 -> 135,680 (46 %)"


def test_vgg_with_5x5_becomes_vgg():
    vgg = rewrite(archlab.load("vgg16_5x5"), "factorise5x5")
    assert archlab.elaborate(vgg).digest == archlab.elaborate(archlab.load("vgg16")).digest


# Where there is a 5x5 or a 3x3.
APPLIES = {
    ("resnet18", "factorise3x3"),
    ("resnet50", "factorise3x3"),
    ("inception_v3", "factorise5x5"),
    ("inception_v3", "factorise3x3"),
    ("mobile", "factorise3x3"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "inception_v3", "mobile"])
def test_what_a_rule_makes_is_a_network_of_the_same_shape(name, rule):
    where = "stage3" if name.startswith("resnet") else "stem" if name == "mobile" else "stage5"
    if rule.startswith("factorise") and (name, rule) not in APPLIES:
        with pytest.raises(InputError, match=f"holds no convolution for the rule {rule}"):
            rewrite(archlab.load(name), rule, where)
        return
    new = rewrite(archlab.load(name), rule, where)
    again = archlab.parse(archlab.unparse(new))
    if name == "mobile" and rule == "group_shuffle":
        with pytest.raises(archlab.ElaborationError, match="3 input channels are not divisible by 2 groups"):
            archlab.elaborate(again)
        return
    old_network, new_network = archlab.elaborate(archlab.load(name)), archlab.elaborate(again)
    assert new_network.body.shape == old_network.body.shape
    assert archlab.cost(new_network) != archlab.cost(old_network)
    stages = zip(archlab.by_stage(old_network), archlab.by_stage(new_network), strict=True)
    assert all(a.cost.macs == b.cost.macs for a, b in stages if a.name != where)


def test_a_stage_is_rewritten_alone():
    new = rewrite(archlab.load("resnet18"), "separable", "stage3")
    text = archlab.unparse(new)
    assert "stage3: repeat(2, basic_separable(256, s=2))" in text
    assert "stage2: repeat(2, basic(128, s=2))" in text
    assert "block basic_separable(c, k=3, s=1, act=relu, norm=bn, p=same) = residual(separable(c, 3, s=s, p=p" in text


def test_a_block_of_the_text_is_replaced_where_all_of_it_is():
    text = "net t(input=8x8x8)\nblock u(c, k=3) = conv(c, k)\na: u(8) -> u(8, 5)\nb: u(16)"
    everywhere = archlab.unparse(rewrite(archlab.parse(text), "separable"))
    assert "block u(c, k=3)" not in everywhere
    assert "a: u_separable(8) -> u_separable_2(8, 5)" in everywhere
    one = archlab.unparse(rewrite(archlab.parse(text), "factorise5x5", "a"))
    assert one.splitlines()[-2:] == ["a: u(8) -> u_factorise5x5(8, 5)", "b: u(16)"]


@pytest.mark.parametrize("written", ["conv(16, 3, g=2)", "conv(16, 3, d=2)", "conv(16, 3, p=0)", "conv(16, {3, 5})",
                                     "conv(16, 1x3)", "conv(16, 3, bias=0)", "relu"])  # fmt: skip
def test_a_rule_leaves_alone_what_it_does_not_know(written):
    with pytest.raises(InputError, match="t holds no convolution for the rule separable"):
        rewrite(archlab.parse(f"net t(input=8x16x16)\na: {written}"), "separable")


@pytest.mark.parametrize(("written", "last"), [("bias=1", "bn"), ("norm=none, bias=1", "conv2d")])
def test_a_bias_that_a_norm_follows_is_left_out_and_one_without_a_norm_stays(written, last):
    new = rewritten(f"net t(input=8x16x16)\na: conv(16, 3, {written})", "separable")
    pointwise = [node for node in archlab.elaborate(new).graph if node.op == "conv2d"][-1]
    assert pointwise.attrs["bias"] == (last == "conv2d")


def test_options_of_a_convolution_are_kept():
    new = rewritten("net t(input=8x16x16)\na: conv(16, 5, s=2, act=silu, norm=gn(2))", "factorise5x5")
    assert archlab.unparse(new).endswith("a: two3x3(16, s=2, act=silu, norm=gn(2))\n")
    plain = rewritten("net t(input=8x16x16)\na: repeat(2, conv2d(16, 3, s=2, bias=1))", "factorise3x3")
    network = archlab.elaborate(plain)
    assert network.body.shape == (16, 8, 8)
    assert archlab.cost(network).params == 16 * 8 * 3 + 16 * 16 * 3 * 3 + 4 * 16


def test_unknown_rules_and_stages_are_refused():
    with pytest.raises(InputError, match="there is no rule 'seperable'") as error:
        rewrite(archlab.load("resnet18"), "seperable")
    assert "separable" in error.value.hint
    with pytest.raises(InputError, match="there is no stage 'stage9'"):
        rewrite(archlab.load("resnet18"), "separable", "stage9")


def test_the_docstrings_examples_hold():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("rule", ["factorise5x5", "separable", "group_shuffle", "bottleneck"])
@pytest.mark.parametrize("conv", ["conv(8, 5, s=2)", "conv2d(8, 5, s=2)", "conv(8, 5, s=2, p=same)"])
def test_the_padding_of_the_text_and_that_of_a_call_stay(rule, conv):
    new = rewritten(f"net n(input=4x10x10, p=tf)\ns: {conv}", rule)
    network = archlab.elaborate(new)
    assert network.body.shape == (8, 5, 5)
    # At an even size TensorFlow's padding is uneven.
    assert any("padding_end" in node.attrs for node in network.graph) == ("p=same" not in conv)


def test_a_padding_of_numbers_is_left_alone():
    with pytest.raises(InputError, match="holds no convolution"):
        rewrite(archlab.parse("net n(input=4x9x9, p=1)\ns: conv(8, 5)"), "separable")
