"""What the tests of an operator need, in one place: a network in which it stands, and its numbers worked by hand.

A new operator is a line in both. With the first, tests/nn builds it, compares fvcore's count and torch's shape with the
table's, and tests/exchange exports it to ONNX and to Python and runs both.
"""

from __future__ import annotations

EVERY_OPERATOR = """
net every(input=3x20x24)
stem: conv(8, 3, s=2, bias=1) -> gn(2) -> leaky_relu -> elu -> gelu -> silu -> mish -> tanh -> prelu
norms: bn(eps=0.001, momentum=0.01) -> ln -> scale(0.5) -> lrn(3) -> adaptive_avgpool(9x11) -> maxpool(2, s=1, ceil=1)
middle: split(identity, conv(4, act=hardswish)) -> shuffle(2) -> squeeze_excite(0.5, gate=hardsigmoid) -> inverted(8)
join: cat(maxpool(3, s=2), avgpool(3, s=2)) -> upsample(2) -> add(identity, conv(16, 1), identity)
weights: wsconv2d(12, bias=1) -> wsconv2d(12, s=2, p=tf, g=2, gain=1, gamma=1.7) -> bn(affine=0) -> gn(3, eps=0.001)
  -> conv_transpose(8, 3, s=2, p=1, out=1, g=2, bias=1) -> elu(0.5) -> gelu(tanh) -> hardtanh(-0.5, 2) -> prelu(1)
edges: conv(8, 3, s=2, p=tf) -> pad2d(top=1, right=2) -> cat(maxpool(3, s=2, p=tf), avgpool(2, s=2, p=tf))
  -> cat(maxpool(3, s=1, d=2), avgpool(3, s=1, count_pad=0), avgpool(2, s=1, p=tf, count_pad=0), identity)
  -> conv(16, 1)
sizes: upsample(2, mode=bilinear) -> resize(7x9) -> resize(10x12, mode=nearest) -> resize(9x11, align=1)
gates: sub(identity, conv(16, 1)) -> factor(0.5) -> offset(-0.25) -> mul(identity, gap -> channel_conv(3) -> sigmoid)
  -> mul(identity, conv(1, 1)) -> add(identity, gmp)
select: conv(32, 1) -> mul(identity, group_sum(2) -> gap -> conv2d(32, 1) -> softmax(2)) -> group_sum(2)
head: squeeze_excite -> relu6 -> gap -> dropout(0.2) -> flatten -> ln -> linear(5) -> softmax
"""

X = (4, 6, 6)
MAP = 4 * 6 * 6
BY_HAND = [
    ("conv2d", {"c": 8}, (8, 6, 6), 8 * 4 * 9, 8 * 4 * 9 * 36),
    ("conv2d", {"c": 8, "bias": 1}, (8, 6, 6), 8 * 4 * 9 + 8, 8 * 4 * 9 * 36),
    ("conv2d", {"c": 8, "g": 2}, (8, 6, 6), 8 * 2 * 9, 8 * 2 * 9 * 36),
    ("conv2d", {"c": 8, "k": 1, "s": 2}, (8, 3, 3), 8 * 4, 8 * 4 * 9),
    ("conv2d", {"c": 8, "k": (1, 3), "s": (1, 2)}, (8, 6, 3), 8 * 4 * 3, 8 * 4 * 3 * 18),
    ("conv2d", {"c": 8, "k": 5, "p": 0}, (8, 2, 2), 8 * 4 * 25, 8 * 4 * 25 * 4),
    ("conv2d", {"c": 8, "d": 2}, (8, 6, 6), 8 * 4 * 9, 8 * 4 * 9 * 36),
    ("conv2d", {"c": 8, "d": 2, "p": 0}, (8, 2, 2), 8 * 4 * 9, 8 * 4 * 9 * 4),
    ("conv2d", {"c": 8, "k": 2}, (8, 5, 5), 8 * 4 * 4, 8 * 4 * 4 * 25),  # an even kernel cannot keep the size
    ("conv2d", {"c": 8, "s": 2, "p": "tf"}, (8, 3, 3), 8 * 4 * 9, 8 * 4 * 9 * 9),
    ("conv2d", {"c": 8, "k": 2, "p": "tf"}, (8, 6, 6), 8 * 4 * 4, 8 * 4 * 4 * 36),
    ("conv2d", {"c": 8, "k": 1, "p": (1, 0)}, (8, 8, 6), 8 * 4, 8 * 4 * 48),
    ("wsconv2d", {"c": 8, "bias": 1}, (8, 6, 6), 8 * 4 * 9 + 8, 8 * 4 * 9 * 36),
    ("wsconv2d", {"c": 8, "g": 2, "gain": 1, "gamma": 1.5}, (8, 6, 6), 8 * 2 * 9 + 8, 8 * 2 * 9 * 36),
    ("conv_transpose", {"c": 8}, (8, 12, 12), 4 * 8 * 4, 4 * 8 * 4 * 36),
    (
        "conv_transpose",
        {"c": 8, "k": 3, "p": 1, "out": 1, "g": 2, "bias": 1},
        (8, 12, 12),
        4 * 4 * 9 + 8,
        4 * 4 * 9 * 36,
    ),
    ("conv_transpose", {"c": 8, "k": 3, "s": 1, "d": 2}, (8, 10, 10), 4 * 8 * 9, 4 * 8 * 9 * 36),
    ("bn", {}, X, 8, 0),
    ("bn", {"affine": 0}, X, 0, 0),
    ("ln", {}, X, 8, 0),
    ("factor", {"x": -0.5}, X, 0, 0),
    ("hardtanh", {"lo": 0, "hi": 6}, X, 0, 0),
    ("prelu", {"shared": 1}, X, 1, 0),
    ("softmax", {"g": 2}, X, 0, 0),
    ("group_sum", {"g": 2}, (2, 6, 6), 0, 0),
    ("maxpool", {"k": 3, "s": 2, "p": "tf"}, (4, 3, 3), 0, 0),
    ("maxpool", {"k": 3, "s": 1, "d": 2}, X, 0, 0),
    ("avgpool", {"k": 3, "s": 2, "p": "tf", "count_pad": 0}, (4, 3, 3), 0, 0),
    ("gmp", {}, (4, 1, 1), 0, 0),
    ("pad2d", {"top": 1, "left": 2}, (4, 7, 8), 0, 0),
    ("upsample", {"scale": 3, "mode": "bilinear"}, (4, 18, 18), 0, 0),
    ("resize", {"size": (7, 9)}, (4, 7, 9), 0, 0),
    ("gn", {"g": 2}, X, 8, 0),
    ("prelu", {}, X, 4, 0),
    ("relu", {}, X, 0, 0),
    ("maxpool", {"k": 2}, (4, 3, 3), 0, 0),
    ("maxpool", {"k": 3, "s": 2}, (4, 3, 3), 0, 0),
    ("avgpool", {"k": 3, "s": 1}, X, 0, 0),
    ("avgpool", {"k": 3, "s": 2, "p": 0}, (4, 2, 2), 0, 0),
    ("gap", {}, (4, 1, 1), 0, 0),
    ("upsample", {}, (4, 12, 12), 0, 0),
    ("flatten", {}, (MAP,), 0, 0),
    ("dropout", {}, X, 0, 0),
    ("shuffle", {"g": 2}, X, 0, 0),
]
"""On a map of 4x6x6: operator, arguments, the output's shape, parameters and MACs."""
