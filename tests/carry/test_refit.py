"""Networks that others have cut: what they kept is found, and a refit brings them nearer to their original."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

import archlab
from archlab.carry.channels import channels_of
from archlab.carry.correspondence import ABSENT, correspond
from archlab.carry.filled import fill
from archlab.carry.forward import layer_of
from archlab.carry.matches import match
from archlab.carry.refit_cut import agreement, refit
from archlab.carry.statistics import collect
from archlab.errors import InputError
from archlab.ir import Graph
from tests.carry.networks import SPACES, images, space, trained

DEEP = """net deep(input=3x12x12)
a: conv(8) -> repeat([1..5 default 5], basic({8, 4}))
b: gap -> fc(4)
"""


def cut_by_chance(source: Graph, target: Graph, module: nn.Module, seed: int, kept=None):
    """Slices of channels that nobody would choose, and where they are from."""
    rng = torch.Generator().manual_seed(seed)
    importance = {c: float(torch.rand((), generator=rng)) for vector in channels_of(source).of.values() for c in vector}
    corr = correspond(source, target, importance, kept or {})
    return fill(module, source, target, corr, None, None, "plain", 0).module, corr


@pytest.mark.parametrize("name", SPACES)
def test_the_kept_channels_are_found_from_the_weights(name: str) -> None:
    source, target = (archlab.elaborate(space(name), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source), images(source, 8)
    cut, corr = cut_by_chance(source, target, module, 3)
    found = match(module, source, cut, target, collect(module, source, x), x)
    assert set(found.how.values()) == {"weights"}
    assert found.corr.index == corr.index
    assert found.corr.reads == corr.reads
    assert found.misfit < 1e-9


def test_the_kept_copies_are_found_from_the_weights() -> None:
    source, target = (archlab.elaborate(archlab.parse(DEEP), {"a.depth": n}).graph for n in (5, 3))
    module, x = trained(source), images(source, 8)
    kept = {"a": (0, 1, 4)}
    cut, corr = cut_by_chance(source, target, module, 0, kept)
    assert any(name.startswith("a.4.") for name in corr.node.values())
    found = match(module, source, cut, target, collect(module, source, x), x)
    assert found.corr.node == corr.node


def test_weights_that_were_trained_since_or_scaled_are_found() -> None:
    source, target = (archlab.elaborate(space("residual"), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source), images(source, 32)
    known = collect(module, source, x)
    cut, corr = cut_by_chance(source, target, module, 3)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in cut.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight += 0.2 * layer.weight.std() * torch.randn(layer.weight.shape, generator=rng)
    found = match(module, source, cut, target, known, x)
    assert set(found.how.values()) == {"near weights"}
    assert found.corr.index == corr.index
    cut, corr = cut_by_chance(source, target, module, 3)
    with torch.no_grad():  # another scale of each channel, which the norm takes back
        for layer in cut.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight *= 4
            elif isinstance(layer, nn.BatchNorm2d):
                layer.running_mean *= 4
                layer.running_var *= 16
    found = match(module, source, cut, target, known, x)
    assert "values" in found.how.values()
    first = next(node for node in target if node.op == "conv2d").name
    assert found.how[first] == "values"
    assert found.corr.index[first] == corr.index[first]


def test_new_channels_are_filled_with_the_most_important() -> None:
    source, target = (archlab.elaborate(space("chain"), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source), images(source, 64)
    made = refit(trained(target, 7), target, module, source, x)
    assert "importance" in made.matched.values()
    carried = archlab.carry(module, source, target, x[:-13])
    assert made.is_better
    assert torch.equal(made.module(x), carried.module(x))


@pytest.mark.parametrize("name", ["residual", "depthwise", "cat", "grouped", "gated"])
def test_a_refit_brings_a_cut_nearer_to_its_original(name: str) -> None:
    source, target = (archlab.elaborate(space(name), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source), images(source, 160)
    cut, _ = cut_by_chance(source, target, module, 1)
    made = refit(cut.state_dict(), target, module.state_dict(), source, x)
    assert made.images == 32
    wanted = module(x[-32:])
    assert made.before == agreement(cut(x[-32:]), wanted)
    assert max(made.before, made.after) == agreement(made.module(x[-32:]), wanted)
    error, old = ((m(x[-32:]) - wanted).square().mean() for m in (made.module, cut))
    assert not made.is_better or error < old
    assert made.is_better or made.after <= made.before
    assert {layer.name for layer in made.layers if layer.outputs[0] < layer.outputs[1]} >= set(made.matched)


def test_other_names_are_matched_by_the_order_of_operators() -> None:
    source = archlab.elaborate(space("residual")).graph
    text = archlab.unparse(space("residual")).replace("\na: ", "\ntrunk: ").replace("\nb: ", "\nhead: ")
    target = archlab.elaborate(archlab.parse(text), {"width_mult": 0.5}).graph
    same = archlab.elaborate(space("residual"), {"width_mult": 0.5}).graph
    module, x = trained(source), images(source, 40)
    cut, _ = cut_by_chance(source, same, module, 1)
    renamed = archlab.build(target)
    renamed.load_state_dict(dict(zip(renamed.state_dict(), cut.state_dict().values(), strict=True)))
    made, plain = refit(renamed, target, module, source, x), refit(cut, same, module, source, x)
    assert (made.before, made.after) == (plain.before, plain.after)
    assert [layer.name for layer in made.layers] == [node.name for node in target if node.op in ("conv2d", "linear")]
    assert [dataclasses.replace(layer, name="") for layer in made.layers] == [
        dataclasses.replace(layer, name="") for layer in plain.layers
    ]


def test_a_whole_network_stays_as_it_is_to_the_bit() -> None:
    graph = archlab.elaborate(space("residual")).graph
    module, x = trained(graph), images(graph, 20)
    made = refit(module, graph, module, graph, x)
    assert (made.before, made.after, made.is_better, made.matched) == (1.0, 1.0, False, {})
    assert torch.equal(made.module(x), module(x))


def test_the_share_of_variance_is_the_agreement_of_maps() -> None:
    wanted = torch.tensor([[[[0.0, 2.0]]], [[[2.0, 0.0]]]])
    assert agreement(wanted, wanted) == 1
    assert agreement(torch.ones(2, 1, 1, 2), wanted) == 0
    assert ABSENT == -1


def test_what_does_not_correspond_is_refused() -> None:
    source = archlab.elaborate(space("residual")).graph
    other = archlab.elaborate(space("chain")).graph
    module, x = trained(source), images(source, 8)
    with pytest.raises(InputError, match="the target has"):
        refit(trained(other), other, module, source, x)
    with pytest.raises(InputError, match="needs 5 images or more, and was given 4"):
        refit(module, source, module, source, x[:4])
    with pytest.raises(InputError, match="no weights of chain"):
        refit(module, other, module, source, x)
    assert layer_of(module, source.nodes[0]) is not None
