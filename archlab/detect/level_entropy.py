"""Multi-level entropy: how much a backbone's levels can express, each weighted by the boxes that are read from it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from archlab.detector import backbone_of, levels_of
from archlab.ir import INPUT, Graph


def level_entropy(graph: Graph, shares: Mapping[str, float]) -> float:
    """Sum over levels l of share_l (log C_l + sum of log sigma over the convolutions up to l).

    log sigma of a convolution is half the logarithm of its fan-in, the input channels of a group times the kernel's
    pixels; of parallel branches the one with the larger sum counts. Sun et al. 2022 (MAE-DET, arXiv:2111.13336),
    equation 9 and section 3.3, in closed form; there the weights are set by hand (0, 0, 1, 1, 6), here they are the
    shares of the data's boxes on the levels.

    Args:
        shares: by level name, such as ``p2``; as ``level_use`` gives them.
    """
    sums = {INPUT: 0.0}
    for node in graph:
        before = max((sums.get(name, 0.0) for name in node.inputs), default=0.0)
        sums[node.name] = before + (_log_sigma(node.weights["weight"]) if node.op == "conv2d" else 0.0)
    levels = {level.name: level for level in levels_of(backbone_of(graph))}
    return sum(
        share * (math.log(levels[name].channels) + sums[levels[name].node]) for name, share in shares.items() if share
    )


def _log_sigma(weight: tuple[int, ...]) -> float:
    return 0.5 * math.log(math.prod(weight[1:]))
