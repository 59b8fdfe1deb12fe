from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import archlab
from archlab.carry import carry
from archlab.carry.channels import channels_of
from archlab.carry.copies import kept_copies
from archlab.carry.correspondence import ABSENT, correspond
from archlab.carry.forward import layer_of
from archlab.carry.recalibrate import recalibrate
from archlab.carry.statistics import collect
from archlab.errors import InputError
from archlab.ir import Graph
from tests.carry.networks import SPACES, images, space, trained


def test_it_stays_a_function_when_its_folder_was_imported() -> None:
    import archlab.carry.filled

    assert callable(archlab.carry)
    assert archlab.carry is carry


REFITS = ("plain", "gram", "walk")


@pytest.mark.parametrize("refit", REFITS)
@pytest.mark.parametrize("name", SPACES)
def test_where_nothing_is_removed_the_outputs_are_the_same_to_the_bit(name: str, refit: str) -> None:
    graph = archlab.elaborate(space(name)).graph
    source, x = trained(graph), images(graph, 8)
    carried = carry(source, graph, graph, x, refit=refit)  # type: ignore[arg-type]
    assert torch.equal(carried.module(x), source(x))
    assert all(layer.inputs[0] == layer.inputs[1] and layer.error is None for layer in carried.layers)


@pytest.mark.parametrize("name", [name for name in SPACES if name != "biased"])
@pytest.mark.parametrize("seed", range(3))
def test_removing_channels_that_are_zero_everywhere_changes_nothing(name: str, seed: int) -> None:
    source, target = (archlab.elaborate(space(name), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source, seed), images(source, 4, seed)
    rng = torch.Generator().manual_seed(seed)
    importance = {c: float(torch.rand((), generator=rng)) for vector in channels_of(source).of.values() for c in vector}
    silence(module, source, dropped(source, target, importance))
    carried = carry(module, source, target)
    torch.testing.assert_close(carried.module(x), module(x), rtol=1e-4, atol=1e-5)


def dropped(source: Graph, target: Graph, importance: Mapping[int, float]) -> set[int]:
    """Return the classes of the source that are not in the target, where ``importance`` chooses."""
    corr = correspond(source, target, importance, kept_copies(source, target))
    of = channels_of(source).of
    kept = {of[there][i] for name, there in corr.node.items() for i in corr.index[name] if i != ABSENT}
    return {c for vector in of.values() for c in vector} - kept


@torch.no_grad()
def silence(module: nn.Module, graph: Graph, classes: set[int]) -> None:
    """Make the channels of these classes zero: what writes them, and what reads them."""
    of = channels_of(graph).of
    for node in graph:
        if not node.weights:
            continue
        own = torch.tensor([c in classes for c in of[node.name]])
        layer = layer_of(module, node)
        for name, tensor in layer.named_parameters():
            tensor[own] = 0
            if name == "weight" and tensor.dim() > 1 and node.attrs.get("groups", 1) == 1 and node.op != "scale":
                tensor[:, torch.tensor([c in classes for c in of[node.inputs[0]]])] = 0


@torch.no_grad()
def doubled(module: nn.Module, graph: Graph, layer: str) -> None:
    """Make the second half of the channels that ``layer`` and its norm put out the same as the first."""
    for name in (f"{layer}.conv2d", f"{layer}.norm"):
        for tensor in layer_of(module, graph[name]).state_dict().values():
            if tensor.dim():
                half = len(tensor) // 2
                tensor[half:] = tensor[:half]


@pytest.mark.parametrize("refit", ["gram", "walk"])
def test_a_refit_makes_up_for_channels_that_others_can_stand_for(refit: str) -> None:
    text = "net x(input=3x16x16)\na: conv({c}) -> conv(8, act=none)\n"
    source, target = (archlab.elaborate(archlab.parse(text.replace("{c}", f"fixed({c})"))).graph for c in (16, 8))
    module, x = trained(source), images(source, 64)
    doubled(module, source, "a.conv")
    recalibrate(module, [x])  # as a training leaves the norms, and as a refit by moments makes them again
    first_half = dict.fromkeys(channels_of(source).of["a.conv.act"][:8], 1.0)
    known = replace(collect(module, source, x), importance=first_half)
    plain = carry(module, source, target, x, refit="plain", known=known).module(x)
    fitted = carry(module, source, target, x, refit=refit, known=known).module(x)  # type: ignore[arg-type]
    wanted = module(x)
    assert error(plain, wanted) > 0.1
    assert error(fitted, wanted) < 0.02


def error(found: Tensor, wanted: Tensor) -> float:
    found, wanted = found.detach(), wanted.detach()
    return float((found - wanted).norm() / (wanted - wanted.mean(0)).norm())


@pytest.mark.parametrize("name", SPACES)
def test_the_walk_comes_nearer_than_slices_alone(name: str) -> None:
    source, target = (archlab.elaborate(space(name), {"width_mult": w}).graph for w in (1, 0.5))
    module, x, unseen = trained(source), images(source, 96), images(source, 64, seed=9)
    errors = [error(carry(module, source, target, x, refit=r).module(unseen), module(unseen)) for r in REFITS]  # type: ignore[arg-type]
    assert errors[2] < errors[0]
    assert errors[2] < 1.0


def test_a_dropped_block_is_the_least_important_one() -> None:
    text = "net x(input=3x16x16)\na: conv(8) -> repeat({d}, basic(8))\nhead: gap -> fc(3)\n"
    source, target = (archlab.elaborate(archlab.parse(text.replace("{d}", str(d)))).graph for d in (4, 3))
    module, x = trained(source), images(source, 16)
    with torch.no_grad():
        last = [node for node in source if node.op == "bn" and node.name.startswith("a.2.")][-1]
        layer_of(module, last).get_parameter("weight").zero_()
        layer_of(module, last).get_parameter("bias").zero_()
    carried = carry(module, source, target, x, refit="plain")
    assert next(layer.source for layer in carried.layers if layer.name.startswith("a.2.")).startswith("a.3.")


def test_a_smaller_kernel_is_the_middle_of_the_larger() -> None:
    text = "net x(input=3x16x16)\na: conv2d(4, {k})\n"
    source, target = (archlab.elaborate(archlab.parse(text.replace("{k}", str(k)))).graph for k in (5, 3))
    module = archlab.build(source)
    carried = carry(module, source, target)
    name = source.nodes[0].name
    assert torch.equal(
        carried.module.state_dict()[f"{name}.weight"], module.state_dict()[f"{name}.weight"][:, :, 1:4, 1:4]
    )


def test_one_channel_can_be_left() -> None:
    text = "net x(input=3x8x8)\na: conv(fixed({c})) -> depthwise -> conv(4)\nhead: gap -> fc(2)\n"
    source, target = (archlab.elaborate(archlab.parse(text.replace("{c}", str(c)))).graph for c in (4, 1))
    module, x = trained(source), images(source, 32)
    carried = carry(module, source, target, x)
    assert carried.module(x).isfinite().all()
    assert carried.layers[0].outputs == (1, 4)


def test_weights_of_another_network_are_refused() -> None:
    graph = archlab.elaborate(space("chain")).graph
    other = archlab.elaborate(space("split")).graph
    with pytest.raises(InputError, match="these are no weights of chain"):
        carry(archlab.build(other), graph, graph)


def test_networks_of_different_spaces_are_refused() -> None:
    graph, other = (archlab.elaborate(space(name)).graph for name in ("chain", "split"))
    with pytest.raises(InputError, match=r"the target has .* here, and the source has"):
        carry(archlab.build(graph), graph, other)


def test_the_same_seed_gives_the_same_bits() -> None:
    source, target = (archlab.elaborate(space("residual"), {"width_mult": w}).graph for w in (1, 0.5))
    module, x = trained(source), images(source, 32)
    first, second = (carry(module, source, target, x).module.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
