"""Each score on a network so small that it can be worked out by hand, and against a plain implementation."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from archlab.elaborate import elaborate
from archlab.grammar import parse, parse_file
from archlab.nn.module import build
from archlab.resources import find_architecture
from archlab.score.entropy import entropy
from archlab.score.grad_norm import grad_norm
from archlab.score.naswot import naswot
from archlab.score.size import log_macs, log_params
from archlab.score.synflow import synflow
from archlab.score.width import score as width_score
from archlab.score.zen import ALPHA, REPEATS, plain_part, zen


def graph_of(text):
    return elaborate(parse(text)).graph


def module_of(text, **weights):
    """The module of a text, with weights by their node's last name and the parameter's."""
    module = build(graph_of(text))
    for name, parameter in module.named_parameters():
        key = "_".join(name.split(".")[-2:])
        if key in weights:
            parameter.data.copy_(torch.tensor(weights[key]).reshape(parameter.shape))
    return module


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


# --- synflow --------------------------------------------------------------------------------------------------------


def test_synflow_of_a_chain():
    text = "net t(input=1x2x2)\na: conv2d(1, 1) -> relu -> conv2d(2, 1) -> gap -> flatten -> linear(1)"
    module = module_of(
        text, conv2d_weight=[-2.0], conv2d_2_weight=[3.0, -1.0], linear_weight=[1.0, -0.5], linear_bias=[-4.0]
    )
    # Ones become 2, then 6 and 2, their means 6 and 2, then 6 x 1 + 2 x 0.5 = 7, the bias aside. All the flow goes
    # through each of the three layers, so each layer's sum of |w dR/dw| is 7.
    assert synflow(module, torch.randn(5, 1, 2, 2), rng()) == pytest.approx(math.log(21), rel=1e-12)


def test_synflow_of_a_residual_with_a_norm_and_a_saturated_activation():
    text = "net t(input=1x2x2)\na: residual(conv2d(1, 1) -> bn -> relu6)"
    module = module_of(text, conv2d_weight=[20.0], bn_weight=[5.0])
    # R = 4 pixels x (20 + 1); the shortcut's 4 pass no weight: 80. Norm and ReLU6 are the identity, also above 6.
    assert synflow(module, torch.zeros(1, 1, 2, 2), rng()) == pytest.approx(math.log(80), rel=1e-12)


def test_synflow_counts_a_layer_before_a_bias():
    text = "net t(input=1x1x1)\na: conv2d(1, 1, bias=1) -> conv2d(1, 1)"
    module = module_of(text, conv2d_weight=[2.0], conv2d_bias=[-3.0], conv2d_2_weight=[4.0])
    # The first puts out 2 and 3 of the bias: R = 4 x 5 = 20. Its weight's part is 2 x 4 = 8, the second's 4 x 5 = 20.
    assert synflow(module, torch.zeros(1, 1, 1, 1), rng()) == pytest.approx(math.log(28), rel=1e-12)


def test_synflow_is_the_sum_over_weights_of_the_definition():
    text = "net t(input=3x16x16)\na: conv(8, s=2) -> maxpool(3, s=2) -> shuffle_unit_v2(16, s=2) -> basic(16) -> fc(9)"
    module = build(graph_of(text), seed=3)
    oracle = copy.deepcopy(module).double()
    for name, part in list(oracle.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            oracle.set_submodule(name, nn.Identity())
    for parameter in oracle.parameters():
        parameter.data.abs_()
    oracle(torch.ones(1, 3, 16, 16, dtype=torch.float64)).sum().backward()
    weights = [part.weight for part in oracle.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    expected = math.log(sum((w * w.grad).abs().sum().item() for w in weights))
    assert synflow(module, torch.zeros(1, 3, 16, 16), rng()) == pytest.approx(expected, rel=1e-9)


def test_synflow_beyond_the_range_of_single_precision():
    text = "net t(input=64x4x4)\na: " + " -> ".join(["conv2d(64, 3)"] * 30)
    assert synflow(build(graph_of(text)), torch.zeros(1, 64, 4, 4), rng()) > math.log(3.4e38)


# --- naswot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "activation", ["relu", "relu6", "hardswish", "silu", "prelu", "leaky_relu(0.1)", "relu -> sigmoid"]
)
def test_naswot_of_three_units(activation):
    module = module_of(f"net t(input=1x1x3)\na: {activation}")
    batch = torch.tensor([[1.0, -1.0, 2.0], [3.0, -2.0, -0.5]]).reshape(2, 1, 1, 3)
    # Codes 101 and 100: K = [[3, 2], [2, 3]], its determinant 5.
    assert naswot(module, batch, rng()) == pytest.approx(math.log(5), rel=1e-12)


def test_naswot_sums_over_activations():
    module = module_of("net t(input=1x1x3)\na: relu -> relu")
    batch = torch.tensor([[1.0, -1.0, 2.0], [3.0, -2.0, -0.5]]).reshape(2, 1, 1, 3)
    # What the first holds back stays 0, not positive: the same codes again, and K = [[6, 4], [4, 6]].
    assert naswot(module, batch, rng()) == pytest.approx(math.log(20), rel=1e-12)


def test_naswot_takes_the_batchs_statistics():
    module = module_of("net t(input=1x1x1)\na: bn -> relu")
    # 10 and 14 are normalised to -1 and 1, whatever the running statistics: K = [[1, 0], [0, 1]].
    assert naswot(module, torch.tensor([10.0, 14.0]).reshape(2, 1, 1, 1), rng()) == pytest.approx(0, abs=1e-12)


# --- gradient norm --------------------------------------------------------------------------------------------------


def test_grad_norm_of_one_layer():
    module = module_of("net t(input=1x1x1)\na: fc(2)", linear_weight=[0.0, 0.0])
    # Equal logits: dL/dW = (p - y) x = ±(0.5, -0.5) x 2, of norm sqrt(2), whatever the label.
    assert grad_norm(module, torch.full((1, 1, 1, 1), 2.0), rng()) == pytest.approx(math.sqrt(2), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_grad_norm_of_two_layers(seed):
    module = module_of("net t(input=1x1x1)\na: conv2d(1, 1) -> fc(2)", conv2d_weight=[3.0], linear_weight=[0.5, 0.0])
    # x = 2, h = 6, logits 3 and 0, p = sigmoid(3). With r = 1 - p for label 0 and p for label 1,
    # dL/dlogits = ±(r, -r): dL/dW has the norm 6 r sqrt(2), and dL/dh = ±0.5 r gives dL/dw = 2 x 0.5 r.
    p = 1 / (1 + math.exp(-3))
    label = int(torch.randint(2, (1,), generator=rng(seed)))
    r = p if label else 1 - p
    expected = r * (6 * math.sqrt(2) + 1)
    assert grad_norm(module, torch.full((1, 1, 1, 1), 2.0), rng(seed)) == pytest.approx(expected, rel=1e-5)


# --- zen ------------------------------------------------------------------------------------------------------------


def test_zen_of_one_weight():
    module = module_of("net t(input=1x1x1)\na: conv2d(1, 1) -> gap -> fc(10)")
    draws, expected = rng(5), 0.0
    for _ in range(REPEATS):
        w = torch.randn(1, generator=draws).item()
        torch.randn(2, 1, 1, 1, generator=draws)
        epsilon = torch.randn(2, 1, 1, 1, generator=draws)
        # F(x) = w x, so F(x) - F(x + a e) = -w a e, and behind the pooling nothing counts.
        expected += math.log(abs(w) * ALPHA * epsilon.abs().mean().item()) / REPEATS
    assert zen(module, torch.zeros(2, 1, 1, 1), rng(5)) == pytest.approx(expected, rel=1e-4)


def test_zen_puts_back_what_a_norm_divides_by():
    """Behind a norm, ten times the weights give the same features; the scale's logarithm keeps the difference."""
    with_norm, without = (f"net t(input=2x8x8)\na: conv2d(4, 3) {bn}" for bn in ("-> bn", ""))
    batch = torch.zeros(64, 2, 8, 8)
    # With many pixels, both norms divide alike, and the score is that of the network without them but for how the
    # scales of the four channels are averaged.
    assert zen(module_of(with_norm), batch, rng()) == pytest.approx(zen(module_of(without), batch, rng()), abs=0.5)
    deeper = module_of("net t(input=2x8x8)\na: conv2d(4, 3) -> bn -> conv2d(64, 3) -> bn")
    assert zen(deeper, batch, rng()) > zen(module_of(with_norm), batch, rng()) + 1


def test_zen_drops_shortcuts_and_the_head():
    text = "net t(input=3x8x8)\na: basic(8, s=2) -> inverted(8, se=0.5) -> gap -> conv2d(9, 1) -> fc(4)"
    plain = plain_part(graph_of(text))
    ops = [node.op for node in plain]
    assert "add" not in ops
    assert not any("shortcut" in node.name for node in plain)
    assert ops.count("gap") == 1  # that of the squeeze-excite; the head's is gone, and what follows it
    assert plain.shape_of(plain.output) == (8, 4, 4)
    y = build(plain)(torch.zeros(2, 3, 8, 8))
    assert tuple(y.shape) == (2, 8, 4, 4)


# --- closed forms ---------------------------------------------------------------------------------------------------


def test_entropy_of_three_convolutions():
    text = """net t(input=3x32x32)
    a: conv(8, 3, s=2) -> conv(16, 1) -> squeeze_excite -> conv(4, 3, s=2, g=2) -> gap -> fc(9)"""
    # At 16x16: log 16 + half of log(3 x 9) + half of log(8); the gate's branch is the longer by its two 1x1
    # convolutions of 16 and 4 channels, half of log(16) and of log(4). At 8x8: log 4, all that, half of log(8 x 9).
    first = 0.5 * (math.log(27) + math.log(8) + math.log(16) + math.log(4))
    second = first + 0.5 * math.log(72)
    expected = 1 * (math.log(16) + first) + 6 * (math.log(4) + second)
    assert entropy(module_of(text), torch.zeros(1, 3, 32, 32), rng()) == pytest.approx(expected, rel=1e-12)


def test_score_is_the_mean_log_width_of_the_resolutions():
    text = """net t(input=3x33x65)
    a: conv(8, 3) -> conv(16, 1, s=2) -> squeeze_excite -> maxpool(3, s=2)
    b: conv(4, 3) -> conv(6, 3, g=2) -> gap -> fc(9)"""
    # 8 channels at 33x65; 16 at 17x33, the input halved and rounded; 4 + 6 at 9x17. The gate's two convolutions and
    # the linear layer see single pixels.
    expected = (math.log(8) + math.log(16) + math.log(10)) / 3
    assert width_score(module_of(text), torch.zeros(1, 3, 33, 65), rng()) == pytest.approx(expected, rel=1e-12)


def test_score_does_not_ask_how_many_layers_share_the_channels_of_a_resolution():
    one, two = (f"net t(input=3x8x8)\na: {body} -> gap -> fc(2)" for body in ("conv(8)", "conv(4) -> conv(4)"))
    batch = torch.zeros(1, 3, 8, 8)
    assert width_score(module_of(one), batch, rng()) == width_score(module_of(two), batch, rng()) == math.log(8)


def test_sizes_are_those_of_resnet50():
    module = build(elaborate(parse_file(find_architecture("resnet50"))).graph)
    batch = torch.zeros(1, 3, 224, 224)
    assert log_macs(module, batch, rng()) == math.log(4_089_184_256)
    assert log_params(module, batch, rng()) == math.log(25_557_032)
