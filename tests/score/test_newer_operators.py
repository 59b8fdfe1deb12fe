"""What scores make of the operators that are not on every network's way, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from archlab.ir import Graph
from archlab.nn import build
from archlab.score.score_table import SCORES
from archlab.score.synflow import synflow
from archlab.score.zen import plain_part
from tests.nn.networks import graph_of
from tests.ops.every_operator import EVERY_OPERATOR


@pytest.mark.parametrize("name", SCORES)
def test_every_operator_can_be_scored(name):
    graph = graph_of(EVERY_OPERATOR)
    batch = torch.randn(4, *graph.input_shape, generator=torch.Generator().manual_seed(0))
    assert math.isfinite(SCORES[name].function(build(graph), batch, torch.Generator().manual_seed(0)))


def flow(text: str) -> float:
    module = build(graph_of(f"net n(input=1x1x1)\na: {text}"))
    for parameter in module.parameters():
        parameter.data.fill_(-2)
    return math.exp(synflow(module, torch.zeros(1, 1, 1, 1), torch.Generator()))


def test_synflow_takes_the_magnitude_of_numbers_and_subtracts_nothing():
    # R = 3 |w| x + 5: the sum of w dR/dw is 3 * 2.
    assert flow("conv2d(1, 1) -> factor(-3) -> offset(-5)") == pytest.approx(6)
    # R = |w| + |v|, both 2.
    assert flow("sub(conv2d(1, 1), conv2d(1, 1))") == pytest.approx(4)
    # A 2x2 transposed convolution puts one value out four times.
    assert flow("conv_transpose(1, bias=1)") == pytest.approx(8)
    # Of three taps only the middle one lies on a channel.
    assert flow("channel_conv(3)") == pytest.approx(2)
    assert flow("wsconv2d(1, 3) -> softmax") == pytest.approx(2)


def test_zen_keeps_the_map_and_not_what_is_stretched_over_it():
    plain: Graph = plain_part(graph_of("net n(input=2x4x4)\na: add(gap, relu) -> add(identity, conv2d(1, 1))"))
    assert [node.op for node in plain] == ["relu"]
