"""Layers that come back just as they were written."""

from __future__ import annotations

import pytest

from archlab.elaborate import elaborate
from archlab.grammar import unparse
from archlab.lift.write import write_text

OPERATORS = """
conv2d(4, 3x1, s=2, d=2, p=1x0)
conv2d(4, 1, s=2x1, g=4, bias=1)
conv2d(4, 5, p=0)
conv2d(4, s=2, p=tf)
wsconv2d(4, gain=1, gamma=1.5)
conv_transpose(4, 4, p=1)
conv_transpose(4, 3, p=1, out=1, bias=1)
bn(eps=0.001, momentum=0.01)
bn(affine=0)
gn(4)
ln(eps=0.000001)
lrn(3, alpha=0.001)
scale(0.1)
leaky_relu(0.2)
elu(alpha=0.5)
gelu(approximate=tanh)
prelu
hardtanh(lo=0, hi=2)
softmax(g=2)
softmax
group_sum(2)
maxpool(2)
maxpool(3, s=2, p=0, ceil=1)
maxpool(3, s=1, d=2)
avgpool(3, s=1, count_pad=0)
gap
gmp
adaptive_avgpool(2x4)
pad2d(top=1, right=2)
upsample
upsample(4, mode=bilinear, align=1)
resize(10x12)
resize(10, mode=nearest)
flatten -> linear(4, bias=0)
fc(4)
dropout(0.2)
shuffle(4)
slice(2, 6)
factor(0.17)
offset(3)
gap -> channel_conv
""".strip().splitlines()
BLOCKS = """
conv(16, 5, s=2, act=silu)
conv(16, norm=none)
conv(16, g=2, d=2, act=none)
conv(16, norm=gn(4))
conv(16, bias=1)
depthwise(5, s=2, dm=2, act=none)
separable(16, 5, s=2, dm=2)
basic(8)
basic(16, 5, s=2, act=silu)
bottleneck(16, s=2, g=2, e=0.5)
basic(8, act=silu, norm=gn(2))
inverted(16, e=1)
inverted(8, 5, e=3, se=0.25)
inverted(16, s=2, e=2.5, act=hardswish)
squeeze_excite
squeeze_excite(0.5, act=silu, gate=hardsigmoid)
squeeze_excite(n=3)
factorised(16, 5, s=2)
shuffle_unit(24, s=2, g=2)
shuffle_unit(24, s=2, g=2, g1=1)
shuffle_unit_v2(16, s=2)
shuffle_unit_v2(8)
""".strip().splitlines()
FORMS = """
residual(conv(8) -> maxpool(3, s=1))
residual(conv(16, s=2) -> conv(16), maxpool(2) -> conv(16, 1))
residual(conv(16, s=2) -> conv(16, g=2) -> maxpool(3, s=1))
add(identity, gap -> sigmoid)
mul(identity, conv(8) -> sigmoid)
sub(conv(8), conv(8, 1))
cat(identity, conv(4), maxpool(3, s=1))
split(identity, conv(4) -> conv(2))
add(identity, conv(8) as x -> maxpool(3, s=1), x -> conv(8, 5))
repeat(3, cat(identity, conv(4)))
repeat(2, conv(16, s=2) -> maxpool(3, s=1))
repeat(3, basic(16, s=2))
""".strip().splitlines()


@pytest.mark.parametrize("layer", OPERATORS + BLOCKS + FORMS)
def test_a_layer_comes_back_as_it_was(layer):
    text = f"net n(input=8x16x16)\nbody: {layer}\n"
    stages = unparse(write_text(elaborate(text).graph)).splitlines()[1:]
    assert " -> ".join(line.partition(": ")[2] for line in stages) == layer
