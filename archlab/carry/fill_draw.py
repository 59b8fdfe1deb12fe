"""Weights of a trained network into any smaller draw of its space."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from archlab.carry.channels import channels_of, is_depthwise
from archlab.carry.copies import kept_copies
from archlab.carry.correspondence import ABSENT, correspond
from archlab.carry.filled import Carried, Refit, fill, module_of
from archlab.carry.forward import layer_of
from archlab.carry.statistics import Statistics, collect
from archlab.carry.units import LAYERS
from archlab.elaborate import Network as Elaborated
from archlab.elaborate import Source, graph_of
from archlab.ir import Graph


@torch.no_grad()
def fill_draw(
    weights: nn.Module | Mapping[str, Tensor],
    source: Graph | Elaborated | Source,
    target: Graph | Elaborated | Source,
    images: Tensor | None,
    refit: Refit,
    known: Statistics | None,
    seed: int,
) -> Carried:
    """Do what ``archlab.carry`` says."""
    there, here = graph_of(source), graph_of(target)
    base = weights if isinstance(weights, nn.Module) and _is_built(weights, there) else module_of(weights, there)
    if images is not None and known is None:
        known = collect(base, there, images, seed=seed)
    importance = known.importance if known else weight_sizes(base, there)
    corr = correspond(there, here, importance, kept_copies(there, here, known.copies if known else None))
    return fill(base, there, here, corr, images, known, refit, seed)


def kept_importance(source: Graph, target: Graph, known: Statistics) -> float:
    """Return the importance of the channels of ``source`` that a draw of its space keeps, each counted once."""
    corr = correspond(source, target, known.importance, kept_copies(source, target, known.copies))
    of = channels_of(source).of
    kept = {of[there][i] for name, there in corr.node.items() for i in corr.index[name] if i != ABSENT}
    return sum(known.importance.get(c, 0.0) for c in kept)


def _is_built(module: nn.Module, graph: Graph) -> bool:
    """Return whether a module is that of ``graph`` already, and in evaluation, so that it can be read as it is."""
    return getattr(module, "meta", {}).get("graph") is graph and not any(part.training for part in module.modules())


def weight_sizes(module: nn.Module, graph: Graph) -> dict[int, float]:
    """Return the importance of channels from weights alone: the squared size of the filters that make and read them."""
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
