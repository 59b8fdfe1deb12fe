"""Peak memory by lifetime, worked by hand; a map of 1x8x8 is 64 elements, one unit below.

An operator's input and output are alive while it runs, and whatever is read later.
"""

from __future__ import annotations

import pytest

from archlab.cost import by_stage, cost
from archlab.elaborate import elaborate
from archlab.grammar import parse

UNIT = 64


def network(body, c=1):
    return elaborate(parse(f"net n(input={c}x8x8)\ns: {body}"))


@pytest.mark.parametrize(
    ("c", "body", "units"),
    [
        # chain: the widest neighbours: 1 + 2, 2 + 4, 4 + 1
        (1, "conv2d(2) -> conv2d(4) -> conv2d(1)", 6),
        # residual: the input stays until the sum: 1 + 3 + 3 in relu, then 1 + 3 + 1, then 1 + 1 + 1
        (1, "residual(conv2d(3) -> relu -> conv2d(1))", 7),
        # projection: at the shortcut's bn the branch's 2, the projection's 2 and bn's 2; before it 1 + 2 + 2
        (1, "residual(conv2d(2))", 6),
        # cat: 1 + 2 in the first branch; 2 + 1 + 3 in the second; then 2 + 3 + 5
        (1, "cat(conv2d(2), conv2d(3))", 10),
        # cat with the input: 1 + 2, then 1 + 2 + 3
        (1, "cat(identity, conv2d(2))", 6),
        # split of 4: the input stays for the first half, 4 + 2 + 2 in relu; then 4 + 2 of the conv; then 4 + 2 + 4
        (4, "split(identity, conv2d(2) -> relu)", 10),
        # both halves used: the second conv reads the input, 4 + 2 + 8; then 2 + 8 + 2, then 2 + 2 + 4
        (4, "split(conv2d(2), conv2d(8) -> conv2d(2))", 14),
        # the same branch twice is built twice: 1 + 1, 1 + 1 + 1, then 1 + 1 + 1 without the input
        (1, "add(relu, relu)", 3),
        # dropout in eval mode is its input: 1 + 1, 1 + 1
        (1, "relu -> dropout(0.5) -> relu", 2),
        # nothing runs: the input is there
        (3, "identity", 3),
        # a wide input behind which little is needed: 8 + 1
        (8, "conv2d(1) -> conv2d(2)", 9),
    ],
)  # fmt: skip
def test_the_peak_of(c, body, units):
    net = network(body, c)
    assert net.body.peak == units * UNIT
    assert cost(net).memory == units * UNIT * 4


def test_a_stages_memory_is_the_peak_while_it_runs():
    net = elaborate(parse("net n(input=1x8x8)\na: conv2d(4)\nb: conv2d(1) -> relu\nc: gap -> fc(10)"))
    # a: 1 + 4; b: 4 + 1; c: 1 map and 1 element, then 1 + 10 elements
    assert [part.cost.memory for part in by_stage(net)] == [5 * UNIT * 4, 5 * UNIT * 4, (UNIT + 1) * 4]
