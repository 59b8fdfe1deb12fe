"""A smaller network filled with a trained one's weights, where it is known which channel is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from archlab.carry.correspondence import ABSENT, Correspondence
from archlab.carry.forward import in_batches, layer_of
from archlab.carry.gram import refit_by_moments
from archlab.carry.recalibrate import recalibrate
from archlab.carry.slices import sliced
from archlab.carry.statistics import Statistics
from archlab.carry.units import LAYERS
from archlab.carry.walk import LayerFit, refit_by_walk
from archlab.errors import InputError
from archlab.ir import Graph, Node
from archlab.nn import build

Refit = Literal["walk", "gram", "plain"]


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
def fill(
    base: nn.Module,
    there: Graph,
    here: Graph,
    corr: Correspondence,
    images: Tensor | None,
    known: Statistics | None,
    refit: Refit,
    seed: int,
) -> Carried:
    """Return the module of the target ``here`` with what ``corr`` says of the weights of ``base``, refitted."""
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
        recalibrate(module, in_batches(images))
        if refit == "walk":
            fits = refit_by_walk(base, there, module, here, corr, images, seed=seed, known=known)
    return Carried(module, layers_of(there, here, corr, fits))


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


def _state(base: nn.Module, there: Graph, corr: Correspondence, node: Node) -> dict[str, Tensor]:
    return layer_of(base, there[corr.node[node.name]]).state_dict()


def _fill(layer: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


def _is_same(source: Graph, target: Graph, corr: Correspondence) -> bool:
    return source.digest == target.digest and all(corr.is_whole(node.name, source) for node in target)


def layers_of(
    source: Graph, target: Graph, corr: Correspondence, fits: tuple[LayerFit, ...]
) -> tuple[CarriedLayer, ...]:
    """Return what of each layer was kept, in running order."""
    errors = {fit.name: fit.after for fit in fits}
    rows: list[CarriedLayer] = []
    for node in target:
        if node.op in LAYERS:
            there = source[corr.node[node.name]]
            reads = sum(i != ABSENT for i in corr.reads[node.name])
            gives = sum(i != ABSENT for i in corr.index[node.name])
            inputs = (reads, source.shape_of(there.inputs[0])[0])
            rows.append(CarriedLayer(node.name, there.name, inputs, (gives, there.shape[0]), errors.get(node.name)))
    return tuple(rows)
