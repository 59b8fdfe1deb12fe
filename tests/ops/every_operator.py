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
head: squeeze_excite -> relu6 -> gap -> dropout(0.2) -> fc(5)
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
    ("bn", {}, X, 8, 0),
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
