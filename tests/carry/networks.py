"""Small spaces of every way in which channels are tied, with weights that no channel's order can be read from."""

from __future__ import annotations

import torch
from torch import nn

import archlab
from archlab.ir import Graph

SPACES = {
    "chain": "a: conv(8) -> conv(12, 1) -> maxpool(2)\nb: gap -> fc(3)",
    "residual": "a: conv(8) -> basic(8) -> bottleneck(16, s=2, e=0.5) -> bottleneck(16, e=0.5)\nb: gap -> fc(3)",
    "depthwise": "a: conv(8) -> inverted(8, e=2) -> separable(12, dm=2) -> inverted(12, e=2, se=0.5)\nb: gap -> fc(3)",
    "cat": "a: conv(8) -> cat(conv(8, 1), conv(16), identity) -> conv(16)\nb: gap -> fc(3)",
    "dense": "block layer(g) = cat(identity, conv(g))\na: conv(8) -> repeat(3, layer(8))\nb: gap -> fc(3)",
    "split": "a: conv(16) -> split(identity, conv(in)) -> shuffle(2) -> conv(16, 1)\nb: gap -> fc(3)",
    "shuffle": "a: conv(16) -> shuffle_unit_v2(32, s=2) -> shuffle_unit_v2(32)\nb: gap -> fc(3)",
    "grouped": "a: conv(16) -> group(32, g=4) -> conv(16, g=2)\nb: gap -> fc(3)",
    "gated": "a: conv(16) -> squeeze_excite(0.5) -> mul(conv(16, act=sigmoid), conv(16))\nb: gap -> fc(3)",
    "flat": "a: conv(8, s=2) -> conv(8, s=2)\nb: flatten -> linear(16) -> relu -> linear(3)",
    "biased": "a: conv(8, norm=none) -> residual(conv(8, norm=none, act=none)) -> prelu -> scale(1)\nb: gap -> fc(3)",
}
"""Bodies of spaces by name."""


def space(name: str, size: str = "3x16x16") -> archlab.Architecture:
    """Return the space of a name, whose holes are its multipliers in steps of four channels."""
    return archlab.parse(f"net {name}(input={size}, divisor=4)\n{SPACES[name]}\n", name)


def trained(graph: Graph, seed: int = 0) -> nn.Module:
    """Return the module of a graph as training might have left it: statistics, offsets and biases of all kinds."""
    rng = torch.Generator().manual_seed(seed)
    module = archlab.build(graph, seed).eval()
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None
                assert layer.running_var is not None
                layer.running_mean.normal_(0, 0.2, generator=rng)
                layer.running_var.uniform_(0.5, 2, generator=rng)
                layer.weight.uniform_(0.5, 1.5, generator=rng)
                layer.bias.normal_(0, 0.2, generator=rng)
            elif isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                layer.bias.normal_(0, 0.2, generator=rng)
    return module


def images(graph: Graph, n: int, seed: int = 1) -> torch.Tensor:
    """Return images (n, C, H, W) of a graph's size."""
    return torch.randn(n, *graph.input_shape, generator=torch.Generator().manual_seed(seed))
