"""Norm, activation and padding that the first line sets: the same network as with every argument written."""

from __future__ import annotations

import random

import pytest

from archlab.elaborate import Fixed, Interpreter, Random, elaborate, fill_holes, load
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import parse, unparse

TF = "norm=bn(eps=0.001), act=silu, p=tf"
WRITTEN = "act=silu, norm=bn(eps=0.001), p=tf"


def network(options, body, before=""):
    head = f"input=16x15x16, {options}" if options else "input=16x15x16"
    return elaborate(parse(f"net n({head})\n{before}\ns: {body}"))


@pytest.mark.parametrize(
    ("options", "body", "written"),
    [
        (TF, "conv(8, s=2)", f"conv(8, s=2, {WRITTEN})"),
        ("act=silu", "inverted(16)", "inverted(16, act=silu)"),  # in place of relu6
        (TF, "inverted(16, s=2, se=0.25)", "inverted(16, s=2, se=0, " + WRITTEN + ")"),
        ("act=silu", "conv(8, act=relu) -> conv(8, act=none)", "conv(8, act=relu) -> conv(8, act=none)"),
        ("act=silu", "bottleneck(16)", "bottleneck(16, act=silu)"),  # whose last convolution has act=none
        ("act=silu", "conv(8) -> relu", "conv(8, act=silu) -> relu"),  # a layer that is written
        ("act=silu", "squeeze_excite", "squeeze_excite(act=silu)"),
        ("norm=none", "conv(8)", "conv2d(8, bias=1) -> relu"),  # the bias follows the norm
        ("norm=none", "residual(conv2d(8))", "residual(conv2d(8), conv2d(8, 1, bias=1))"),
        ("norm=gn(4)", "basic(8, s=2)", "residual(conv(8, s=2, norm=gn(4)) -> conv(8, norm=gn(4), act=none),"
         " conv2d(8, 1, s=2) -> gn(4)) -> relu"),
        ("p=tf", "maxpool(3, s=2) -> avgpool(2) -> conv2d(8, s=2)",
         "maxpool(3, s=2, p=tf) -> avgpool(2, p=tf) -> conv2d(8, s=2, p=tf)"),
        ("p=tf", "conv(8, s=2, p=same) -> conv(8, s=2, p=0)", "conv(8, s=2) -> conv(8, s=2, p=0)"),
        ("p=0", "conv(8) -> dropout", "conv(8, p=0) -> dropout"),  # p of a dropout is no padding
        ("p=tf", "conv_transpose(8)", "conv_transpose(8)"),
        ("act=silu", "shuffle_unit_v2(16)", "split(identity, conv(8, 1, act=silu) -> depthwise(act=none)"
         " -> conv(8, 1, act=silu)) -> shuffle(2)"),  # blocks that blocks call
        ("act=silu", "shuffle_unit(48, g=4)", "shuffle_unit(48, g=4, act=silu)"),
    ],
)  # fmt: skip
def test_it_is_what_would_be_written(options, body, written):
    ours, theirs = network(options, body), network("", written)
    if "se=0.25" in body:
        theirs = network("", "skip(conv(in * 6, 1, W) -> depthwise(s=2, W) -> squeeze_excite(0.25, act=silu)"
                         " -> conv(16, 1, act=none, norm=bn(eps=0.001)))".replace("W", WRITTEN))  # fmt: skip
    assert ours.digest == theirs.digest
    assert ours.body.params == theirs.body.params


def test_blocks_of_the_text_take_it_at_their_own_defaults():
    before = "block unit(c, act=gelu, p=3) = conv(c, act=act) -> dropout(p / 10)\nblock plain(c) = conv(c)"
    ours = network("act=silu, p=tf", "unit(8) -> unit(8, relu) -> plain(8)", before)
    written = "conv(8, act=silu) -> dropout(0.3) -> conv(8) -> dropout(0.3) -> conv(8, act=silu)"
    assert ours.digest == network("", written).digest


def test_a_norm_that_is_set_to_the_default_changes_nothing():
    assert network("norm=bn, act=relu, p=same", "basic(8, s=2)").digest == network("", "basic(8, s=2)").digest
    names = [node.name for node in network("", "basic(8, s=2)").graph]
    assert "s.shortcut.bn" in names


def test_a_var_and_a_block_of_the_text_can_be_the_default():
    before = "var a = silu\nblock swish() = mul(identity, sigmoid)"
    assert network("act=a", "conv(8)", before).digest == network("", "conv(8, act=silu)").digest
    own = network("act=swish", "conv(8)", before)
    assert own.digest == network("", "conv(8, act=none) -> mul(identity, sigmoid)").digest


def test_a_hole_in_it_is_drawn_once_for_all_blocks():
    text = """net n(input=3x16x16, norm={bn, gn(4), none}, act={relu, silu, leaky_relu([0.1..0.3])}, p={same, tf})
block plain(c) = conv(c, {3, 5}, s=2) -> conv(c)
stem: conv(8) -> plain(8)
body: each(2, {plain(8), inverted(8)}) -> repeat(2, basic(8, s=2))"""
    space = load(parse(text))
    interpreter, rng, seen = Interpreter(space), random.Random(1), set()
    for _ in range(60):
        drawn = interpreter.network(Random(rng))
        alone = Interpreter(space).network(Fixed(drawn.draws))
        assert drawn.digest == alone.digest  # what draws share does not mix them up
        filled = fill_holes(space, drawn)
        assert "{" not in unparse(filled)
        assert elaborate(filled).digest == drawn.digest
        acts = {node.op for node in drawn.graph} & {"relu", "relu6", "silu", "leaky_relu"}
        assert acts == {str(drawn.draws["act"]).split("(")[0]}
        seen |= {(name, drawn.draws[name]) for name in ("norm", "act", "p")}
    assert {name for name, _ in seen} == {"norm", "act", "p"}
    assert len(seen) == 3 + 3 + 2


def test_the_canonical_text_keeps_it():
    text = f"net n(input=3x8x8, {TF})\ns: conv(8)\n"
    assert unparse(parse(text)) == text


def test_a_default_that_uses_itself_ends_with_an_error():
    with pytest.raises(LimitError, match="layers nest deeper than 100"):
        network("act=conv(8)", "conv(8)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net n(act=3)\ns: conv(8)", "act must be a layer, not the number 3"),
        ("net n(norm=same)\ns: conv(8)", "norm must be a layer, not 'same'"),
        ("net n(p=relu)\ns: conv(8)", "p must be same, tf, a whole number or a size such as 1x0, not the layer relu"),
        ("net n(act=relu, act=silu)\ns: conv(8)", "a network gets its option 'act' twice"),
        ("net n(acts=relu)\ns: conv(8)", "a network has no option 'acts'\n.*\n.*\n  hint: did you mean act\\?"),
        ("net n(norm=gn(in))\ns: conv(8)", "'in' has no channels here"),
        ("net n(act=relu)\nvar act = {relu, silu}\ns: conv(8)", "'act' is already an option of the network"),
        ("net n(act=relu)\nact: conv(8)", "'act' is already an option of the network"),
        ("net n(act=swish)\ns: conv(8)", "nothing is named 'swish'"),
    ],
)
def test_what_cannot_be_a_default_is_refused(text, message):
    with pytest.raises(ElaborationError, match=message):
        elaborate(parse(text))


def test_a_stage_may_be_called_p_where_the_text_sets_no_padding():
    assert elaborate(parse("net n\np: conv(8)\nact: conv(8)")).body.nodes == 6
