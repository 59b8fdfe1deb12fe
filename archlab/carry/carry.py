"""Weights of a trained network into any smaller draw of its space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from archlab.carry.copies import kept_copies
from archlab.carry.correspondence import ABSENT, Correspondence, correspond
from archlab.carry.forward import layer_of
from archlab.carry.gram import refit_by_moments
from archlab.carry.recalibrate import recalibrate
from archlab.carry.slices import sliced
from archlab.carry.statistics import Statistics, collect
from archlab.carry.units import LAYERS
from archlab.carry.walk import LayerFit, refit_by_walk
from archlab.elaborate import Network as Elaborated
from archlab.elaborate import Source, graph_of
from archlab.errors import InputError
from archlab.ir import Graph, Node
from archlab.nn import build

Refit = Literal["walk", "gram", "plain"]
BATCH = 128


@dataclass(frozen=True, slots=True)
class CarriedLayer:
    """What became of a layer.

    Attributes:
        name: its operator in the target.
        source: its operator in the source.
        inputs: how many input channels are left, and of how many.
        outputs: how many output channels are left, and of how many.
        error: the share of the variance of the source's output that the refitted layer does not explain; None where it
            was not refitted by ``walk``, also where nothing before it changed.
    """

    name: str
    source: str
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """A smaller network that begins with a trained one's weights.

    Attributes:
        module: the network, as ``archlab.build`` makes it, in evaluation.
        layers: what of each layer was kept, in running order.
    """

    module: nn.Module
    layers: tuple[CarriedLayer, ...]


@torch.no_grad()
def carry(
    weights: nn.Module | Mapping[str, Tensor],
    source: Graph | Elaborated | Source,
    target: Graph | Elaborated | Source,
    images: Tensor | None = None,
    *,
    refit: Refit = "walk",
    known: Statistics | None = None,
    seed: int = 0,
) -> Carried:
    """Fill ``target`` with the weights of the trained ``source``, a wider, deeper or larger-kernel draw of its space.

    Channels are chosen by their importance, over groups that must agree; kernels keep their middle; of a repeat the
    first copy and the most important others stay. Then layers are refitted in closed form, without labels: ``gram``
    corrects each for what it no longer reads, ``walk`` goes on to repair, layer by layer, the error so far. Where
    nothing was removed the target gives what the source gives, to the bit.

    Args:
        weights: the source's, as a state dict or a module, by the names of ``archlab.build``.
        source: the trained network.
        target: the draw to fill.
        images: (N, C, H, W), as the network takes them, without labels; without them nothing is refitted, and channels
            are chosen by the size of their weights. A few hundred are enough.
        refit: how far to go.
        known: what ``collect`` says of the source and these images, where many draws are filled.
        seed: of the sample of places.

    Raises:
        InputError: the networks are no draws of one space, or the weights are no weights of the source.
        GraphError: an operator through which channels cannot be followed.
    """
    there, here = graph_of(source), graph_of(target)
    base = module_of(weights, there)
    if images is not None and known is None:
        known = collect(base, there, images, seed=seed)
    importance = known.importance if known else weight_sizes(base, there)
    corr = correspond(there, here, importance, kept_copies(there, here, known.copies if known else None))
    module = build(here, seed).eval()
    for node in here:
        if node.weights or node.buffers:
            _fill(
                layer_of(module, node), sliced(node, there[corr.node[node.name]], _state(base, there, corr, node), corr)
            )
    fits: tuple[LayerFit, ...] = ()
    if images is not None and refit != "plain":
        assert known is not None
        refit_by_moments(base, there, module, here, corr, known)
    if images is not None and not _is_same(there, here, corr):
        recalibrate(module, torch.split(images, BATCH))
        if refit == "walk":
            fits = refit_by_walk(base, there, module, here, corr, images, seed=seed)
    return Carried(module, tuple(_layers(there, here, corr, {fit.name: fit.after for fit in fits})))


def module_of(weights: nn.Module | Mapping[str, Tensor], graph: Graph) -> nn.Module:
    """Return the module of ``graph`` with ``weights``, in evaluation.

    Raises:
        InputError: names or shapes differ.
    """
    state = weights.state_dict() if isinstance(weights, nn.Module) else dict(weights)
    module = build(graph).eval()
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:3]]
        raise InputError(
            f"these are no weights of {graph.name}: {' '.join(lines)[:300]}",
            hint="give the state dict of archlab.build of the same network, or of archlab.lift",
        ) from None
    return module


def weight_sizes(module: nn.Module, graph: Graph) -> dict[int, float]:
    """Return the importance of channels from weights alone: the squared size of the filters that make and read them."""
    from archlab.carry.channels import channels_of, is_depthwise

    channels = channels_of(graph)
    sizes: dict[int, float] = {}
    for node in graph:
        if node.op not in LAYERS:
            continue
        weight = layer_of(module, node).get_parameter("weight").detach().double().square()
        weight = weight / weight.sum().clamp(min=1e-12)
        pairs = list(zip(channels.of[node.name], weight.flatten(1).sum(1).tolist(), strict=True))
        if not is_depthwise(node):
            groups = int(node.attrs.get("groups", 1))
            reads = weight.view(groups, -1, weight.shape[1], weight[0, 0].numel()).sum((1, 3)).flatten().tolist()
            pairs += zip(channels.of[node.inputs[0]], reads, strict=True)
        for c, size in pairs:
            sizes[c] = sizes.get(c, 0.0) + size
    return sizes


def _state(base: nn.Module, there: Graph, corr: Correspondence, node: Node) -> dict[str, Tensor]:
    return layer_of(base, there[corr.node[node.name]]).state_dict()


def _fill(layer: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


def _is_same(source: Graph, target: Graph, corr: Correspondence) -> bool:
    return source.digest == target.digest and all(corr.is_whole(node.name, source) for node in target)


def _layers(source: Graph, target: Graph, corr: Correspondence, errors: Mapping[str, float]) -> list[CarriedLayer]:
    rows: list[CarriedLayer] = []
    for node in target:
        if node.op in LAYERS:
            there = source[corr.node[node.name]]
            reads = sum(i != ABSENT for i in corr.reads[node.name])
            gives = sum(i != ABSENT for i in corr.index[node.name])
            inputs = (reads, source.shape_of(there.inputs[0])[0])
            rows.append(CarriedLayer(node.name, there.name, inputs, (gives, there.shape[0]), errors.get(node.name)))
    return rows
