"""Weights refitted to the source's own inputs: W' = W S[:, K] (S[K, K] + λI)⁻¹, layer by layer, without a forward.

S is the covariance of what the layer reads in the source, and K what the smaller layer still reads of it. It costs one
small system for each layer, so that many draws can be judged.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archlab.carry.channels import is_depthwise
from archlab.carry.correspondence import ABSENT, Correspondence
from archlab.carry.fit import Moments, Ridge
from archlab.carry.forward import layer_of
from archlab.carry.statistics import Statistics
from archlab.carry.units import LAYERS
from archlab.ir import Graph, Node

STRENGTH = 1e-3


@torch.no_grad()
def refit_by_moments(
    base: nn.Module, source: Graph, module: nn.Module, target: Graph, corr: Correspondence, known: Statistics
) -> None:
    """Refit every layer of ``module`` whose input lost channels, or whose kernel lost its rim, in place.

    Convolutions in groups are refitted where both networks have as many groups. Batch norms have to be recalibrated.
    """
    for node in target:
        there = source[corr.node[node.name]]
        if node.op not in LAYERS or node.attrs.get("groups", 1) != there.attrs.get("groups", 1) or is_depthwise(node):
            continue
        _refit(layer_of(base, there), there, layer_of(module, node), node, corr, known.reads[there.name])


def _refit(theirs: nn.Module, there: Node, ours: nn.Module, node: Node, corr: Correspondence, known: Moments) -> None:
    groups = known.cov.shape[0]
    kept = _kept(node, there, corr, groups)
    old, weight = theirs.get_parameter("weight"), ours.get_parameter("weight")
    out = torch.tensor(corr.index[node.name])
    for g in range(groups):
        at, positions = kept[g]
        if not len(positions) or len(positions) == known.cov.shape[1]:
            continue
        rows = slice(g * len(out) // groups, (g + 1) * len(out) // groups)
        full = torch.where((out[rows] != ABSENT)[:, None], old.double().flatten(1)[out[rows].clamp(min=0)], 0.0)
        cov = known.cov[g]
        cross = (full @ cov[:, positions]).T
        nothing = torch.zeros_like(full[:, positions])
        (fitted,) = Ridge(cov[positions][:, positions][None], STRENGTH).solve(cross[None], nothing[None])
        flat = weight[rows].double().flatten(1)
        flat[:, at] = fitted
        weight[rows] = flat.view_as(weight[rows]).to(weight.dtype)
        bias = getattr(ours, "bias", None)
        if bias is not None:
            shift = full @ known.mean[g] - fitted @ known.mean[g][positions]
            bias[rows] += shift.to(bias.dtype)


def _kept(node: Node, there: Node, corr: Correspondence, groups: int) -> list[tuple[Tensor, Tensor]]:
    """Return, for each group, which of a filter's numbers are refitted, and which of the source's they are."""
    size, size_there = (n.attrs.get("kernel", (1, 1)) for n in (node, there))
    inner = torch.arange(size[0] * size[1])
    off = [(b - a) // 2 for a, b in zip(size, size_there, strict=True)]
    row, column = inner // size[1] + off[0], inner % size[1] + off[1]
    inside = (row >= 0) & (row < size_there[0]) & (column >= 0) & (column < size_there[1])
    places_there = size_there[0] * size_there[1]
    reads = torch.tensor(corr.reads[node.name]).view(groups, -1)
    width_there = there.attrs.get("in_channels", there.attrs.get("in_features", 0)) // groups
    found: list[tuple[Tensor, Tensor]] = []
    for g in range(groups):
        channel = reads[g] - g * width_there
        known = (reads[g] != ABSENT) & (channel >= 0) & (channel < width_there)
        usable = (known[:, None] & inside[None, :]).flatten()
        position = (channel[:, None] * places_there + (row * size_there[1] + column)[None, :]).flatten()
        at = torch.arange(len(usable))[usable]
        found.append((at, position[usable]))
    return found
