"""Rewritten networks with weights: exact where the kernels have the rank, and refitted where they have not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.carry.correspondence import ABSENT
from archlab.carry.replace import replace
from archlab.carry.replaced import align
from archlab.errors import InputError
from archlab.exchange.rewrite_rules import RULES, RewriteOptions
from archlab.original.rewrite_weights import rewrite_with_weights
from tests.carry.networks import images, trained

PLAIN = """net plain(input=4x12x12)
a: conv2d(8, 3, bias=1) -> relu
b: residual(conv2d(8, 3, bias=1)) -> conv(8, 1)
c: gap -> fc(3)
"""
DEEP = """net deep(input=4x12x12)
a: conv(8, 5, s=2) -> conv(8, 3, act=relu6)
b: residual(conv(8, 3) -> conv(8, 3, act=none)) -> relu
c: conv(12, 3, s=2, act=silu) -> gap -> fc(3)
"""


def graph_of(text: str) -> archlab.Graph:
    return archlab.elaborate(archlab.parse(text)).graph


def of_low_rank(module: nn.Module, rule: str, layer: nn.Conv2d) -> None:
    """Make a kernel one that a rule loses nothing of."""
    rng = torch.Generator().manual_seed(0)
    out, channels, height, width = layer.weight.shape
    with torch.no_grad():
        match rule:
            case "separable":
                shape, mix = (torch.randn(n, generator=rng) for n in ((channels, height, width), (out, channels)))
                layer.weight.copy_(mix[:, :, None, None] * shape)
            case "bottleneck":
                down, inner, up = (
                    torch.randn(n, generator=rng) for n in ((2, channels), (2, 2, height, width), (out, 2))
                )
                layer.weight.copy_(torch.einsum("or,rsyx,si->oiyx", up, inner, down))
            case "factorise3x3":
                across, down = (torch.randn(n, generator=rng) for n in ((out, channels, width), (out, out, height)))
                layer.weight.copy_(torch.einsum("ory,rix->oiyx", down, across))
            case "group_shuffle":
                half = channels // 2
                for o in range(out):  # behind the shuffle every second channel is of the second group
                    other = slice(half, None) if o % 2 == 0 else slice(None, half)
                    layer.weight[o, other] = 0


@pytest.mark.parametrize("rule", ["separable", "bottleneck", "factorise3x3", "group_shuffle"])
@pytest.mark.parametrize("with_images", [False, True])
def test_kernels_of_low_rank_are_factorised_exactly(rule: str, with_images: bool) -> None:
    source = graph_of(PLAIN)
    module, x = trained(source), images(source, 16)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            of_low_rank(module, rule, layer)
    made = rewrite_with_weights(
        archlab.parse(PLAIN), module, rule, images=x if with_images else None, options=RewriteOptions(e=0.25)
    ) if rule != "group_shuffle" else rewrite_with_weights(
        archlab.parse(PLAIN), module, rule, "a", x if with_images else None
    )  # fmt: skip
    assert len(made.layers) == (1 if rule == "group_shuffle" else 2)
    torch.testing.assert_close(made.module(x), module(x), rtol=1e-4, atol=1e-4)
    assert made.before == archlab.cost(archlab.parse(PLAIN))
    assert made.after == archlab.cost(made.architecture)


@pytest.mark.parametrize("rule", RULES)
def test_a_refit_brings_a_rewriting_nearer_to_the_original(rule: str) -> None:
    source = graph_of(DEEP)
    module, x = trained(source), images(source, 192)
    made = rewrite_with_weights(archlab.parse(DEEP), module, rule, images=x[:128])
    plain = rewrite_with_weights(archlab.parse(DEEP), module, rule)
    wanted = module(x[128:])
    off, before = ((m.module(x[128:]) - wanted).square().mean().item() for m in (made, plain))
    assert off < before
    assert all(layer.error is not None and 0 <= layer.error < 1 for layer in made.layers)
    assert all(layer.error is None for layer in plain.layers)
    assert made.after == archlab.cost(archlab.rewrite(archlab.parse(DEEP), rule))


def test_what_is_before_a_replacement_stays_to_the_bit() -> None:
    source = graph_of(DEEP)
    module, x = trained(source), images(source, 32)
    made = rewrite_with_weights(archlab.parse(DEEP), module, "separable", "c", x)
    state = made.module.state_dict()
    same = [name for name in module.state_dict() if name.startswith(("a.", "b."))]
    assert all(torch.equal(state[name], module.state_dict()[name]) for name in same)


def test_operators_are_matched_around_the_replaced() -> None:
    source = graph_of(PLAIN)
    for rule, layers in (("separable", 2), ("bottleneck", 3), ("factorise3x3", 2), ("group_shuffle", 1)):
        target = archlab.elaborate(archlab.rewrite(archlab.parse(PLAIN), rule, "a")).graph
        found = align(source, target)
        (one,) = found.replacements
        assert (one.source, len(one.layers)) == ("a.conv2d", layers)
        assert set(found.corr.node.values()) == {node.name for node in source} | {"input"}
        assert all(ABSENT not in index for index in found.corr.index.values())
    order = align(source, target).corr.index[one.layers[0]]
    assert order == (0, 2, 4, 6, 1, 3, 5, 7)


def test_other_networks_and_places_are_refused() -> None:
    source = graph_of(PLAIN)
    module = trained(source)
    with pytest.raises(InputError, match="it has nothing for"):
        replace(module, source, graph_of(DEEP))
    with pytest.raises(InputError, match="d holds no convolution for the rule separable"):
        rewrite_with_weights(archlab.parse(PLAIN), module, "separable", "d")
    with pytest.raises(InputError, match="no rule 'seperable'"):
        rewrite_with_weights(archlab.parse(PLAIN), module, "seperable")
