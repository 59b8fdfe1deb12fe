"""Maximum entropy of the multi-scale features, in closed form (MAE-DET, Sun et al. 2022, arXiv:2111.13336)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from archlab.ir import INPUT, Graph
from archlab.ops import CONVOLUTIONS

ALPHAS = (1.0, 1.0, 6.0)


def entropy(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:  # noqa: ARG001
    """Return the sum over the last three resolutions of α · (log C + sum of log σ up to there), with α = 1, 1, 6.

    C is the channels of a resolution's last map; log σ of a convolution is half of log(C_in k² / groups), the growth of
    the standard deviation through weights from N(0, 1), the paper's bound on the entropy of its output. Where branches
    join, the longest counts. A property of the graph: the same for every seed, initialisation and batch.
    """
    scales = _scales(module.meta["graph"])[-len(ALPHAS) :]
    return sum(alpha * scale for alpha, scale in zip(ALPHAS[-len(scales) :], scales, strict=True))


def _scales(graph: Graph) -> list[float]:
    """Return the entropy of every resolution's last map, in running order; a resolution is a size of maps."""
    growth = {INPUT: 0.0}
    is_map = {INPUT: True}
    scales: dict[tuple[int, ...], float] = {}
    for node in graph:
        growth[node.name] = max(growth[name] for name in node.inputs)
        # Behind a global pooling there is no map, until a gate joins one again.
        is_map[node.name] = (
            any(is_map[name] for name in node.inputs) and len(node.shape) == 3 and node.op not in ("gap", "gmp")
        )
        if node.op in CONVOLUTIONS:
            fan_in = math.prod(node.weights["weight"][1:])
            growth[node.name] += 0.5 * math.log(fan_in)
        if is_map[node.name]:
            # Taken out first, so that the sizes stay in the order of their last maps.
            scales.pop(node.shape[1:], None)
            scales[node.shape[1:]] = math.log(node.shape[0]) + growth[node.name]
    return list(scales.values())
