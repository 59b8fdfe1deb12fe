"""Two texts share a digest where they are the same network, and nowhere else."""

from __future__ import annotations

import itertools

import pytest

from archlab.elaborate import elaborate
from archlab.grammar import parse

SAME = {
    "names": ["stem: conv(8) -> relu6", "s: conv(8)\nt: relu6"],
    "a block written out": ["block b(c, k=3) = conv(c, k)\ns: b(8)", "s: conv(8)", "s: conv2d(8) -> bn -> relu"],
    "a repeat written out": ["s: repeat(2, conv(8, s=2))", "s: conv(8, s=2) -> conv(8)", "s: each(2, conv(8, s=2))"],
    "the order of a sum": ["s: add(conv(8), conv(8, 5))", "s: add(conv(8, 5), conv(8))"],
    "the order of a product": ["s: mul(relu, gap)", "s: mul(gap, relu)"],
    "arithmetic": ["var c = 4\ns: conv(c * 2)", "s: conv(16 / 2)"],
    "what does nothing": ["s: identity -> conv(8) -> none", "s: conv(8)"],
    "brackets": ["s: relu -> (relu6 -> silu)", "s: relu -> relu6 -> silu"],
    "a residual": ["s: residual(conv2d(3))", "s: add(conv2d(3), identity)", "s: skip(conv2d(3))"],
    "a difference": ["s: sub(conv(8), zero)", "s: conv(8)"],
    "what stretches": ["s: add(relu, gap)", "s: add(gap, relu)"],
    "padding by name and by number": [
        "s: conv(8, 3, p=same)",
        "s: conv(8, 3, p=1)",
        "s: conv(8, 3, p=1x1)",
        "s: conv(8, 3, p=tf)",
    ],
    "new arguments at their defaults": [
        "s: elu -> gelu -> prelu -> maxpool(2) -> avgpool(2) -> upsample(2)",
        "s: elu(1) -> gelu(approximate=none) -> prelu(shared=0) -> maxpool(2, d=1) -> avgpool(2, count_pad=1)"
        " -> upsample(2, mode=nearest, align=0)",
    ],
    "a factorisation": ["s: two3x3(8)", "s: repeat(2, conv(8))"],
}

DIFFERENT = [
    "s: conv(8)", "s: conv(8, 5)", "s: conv(8, 1x3)", "s: conv(8, 3x1)", "s: conv(8, s=2)", "s: conv(9)",
    "s: conv(9, g=3)", "s: conv(8, d=2)", "s: conv(8, p=0)", "s: conv(8, bias=1)", "s: conv(8, act=relu6)",
    "s: conv(8, act=leaky_relu(0.1))", "s: conv(8, act=leaky_relu(0.2))", "s: conv(8, norm=none)",
    "s: conv(8, norm=gn(2))", "s: conv(8, norm=gn(4))", "s: conv(8) -> dropout(0.1)", "s: conv(8) -> dropout(0.2)",
    "s: cat(relu, relu6)", "s: cat(relu6, relu)", "s: cat(identity, relu)", "s: add(relu, relu6)",
    "s: mul(relu, relu6)",
    "s: add(relu, relu)", "s: relu -> add(identity, identity)", "s: add(relu, relu, relu)", "s: maxpool(2)",
    "s: avgpool(2)", "s: maxpool(3, s=2)", "s: conv(8) -> shuffle(2)", "s: conv(8) -> shuffle(4)",
    "s: conv(8) -> split(relu, relu6)", "s: conv(8) -> split(relu6, relu)", "s: upsample(2)", "s: upsample(3)",
    "s: identity", "s: conv(8) -> conv(8)",
    "s: relu -> add(identity, identity) -> add(relu6, relu6)", "s: add(relu, relu) -> relu6 -> add(identity, identity)",
    "s: conv(8, s=2, p=tf)", "s: maxpool(3, s=2, p=tf)", "s: maxpool(3, d=2, s=2)", "s: avgpool(3, s=2)",
    "s: avgpool(3, s=2, count_pad=0)", "s: upsample(2, mode=bilinear)", "s: upsample(2, mode=bilinear, align=1)",
    "s: elu(0.5)", "s: elu", "s: gelu", "s: gelu(tanh)", "s: prelu", "s: prelu(1)", "s: conv(8, norm=bn(affine=0))",
    "s: sub(relu, relu6)", "s: sub(relu6, relu)", "s: factor(2)", "s: factor(3)", "s: offset(2)", "s: wsconv2d(8)",
    "s: wsconv2d(8, gain=1)", "s: wsconv2d(8, gain=1, gamma=2)", "s: wsconv2d(8, eps=0.1)", "s: conv_transpose(8)",
    "s: pad2d(1)", "s: pad2d(0, 1)", "s: conv(8) -> gmp", "s: conv(8) -> softmax(2)", "s: conv(8) -> softmax(4)",
     "s: gap -> fc(10)", "s: gap -> flatten -> linear(10, bias=0)",
]  # fmt: skip


def digest(body, head="net n"):
    return elaborate(parse(f"{head}\n{body}")).digest


@pytest.mark.parametrize("texts", SAME.values(), ids=SAME)
def test_equal_networks_share_a_digest(texts):
    assert len(set(map(digest, texts))) == 1


def test_different_networks_have_different_digests():
    digests = {body: digest(body) for body in DIFFERENT}
    for a, b in itertools.combinations(DIFFERENT, 2):
        assert digests[a] != digests[b], (a, b)


def test_the_input_is_part_of_the_network():
    assert digest("s: relu", "net n(input=3x8x8)") != digest("s: relu", "net n(input=3x8x9)")


def test_the_networks_name_is_not_part_of_it():
    assert digest("s: relu", "net n") == digest("s: relu", "net m(input=3x224x224)")


def test_a_digest_is_the_same_on_every_machine():
    assert digest("s: conv(8)", "net n(input=3x8x8)") == "acb3f18763239ff174f4d90a2deef496"
