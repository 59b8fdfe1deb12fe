"""The objective ``score``: the width that a network has at every resolution, in closed form."""

from __future__ import annotations

import math
from collections import defaultdict

from torch import Tensor, fx

from archlab.ir import Graph
from archlab.ops import CONVOLUTIONS


def score(module: fx.GraphModule, batch: Tensor, rng: object) -> float:  # noqa: ARG001
    """Return the mean over resolutions of log W, where W is the sum of the output channels of the convolutions there.

    A resolution is an octave: the maps whose height and width, by the geometric mean, are the input's divided by the
    same power of two, rounded; what works on single pixels (heads, gates) has none. The score is minus infinity for a
    network without convolutions on maps. A property of the graph: the same for every seed and batch.

    Sums of c·h^p over layers (c channels, h height) hold on some spaces for one p and on others for another: p = 2,
    the activations, where early layers lack width, and p = 0 or ½ where late ones do. With one logarithm for each
    resolution h^p is only a constant, and of a given cost that distribution wins in which no resolution is narrow.
    """
    graph: Graph = module.meta["graph"]
    _, height, width = graph.input_shape
    widths: dict[int, int] = defaultdict(int)
    for node in graph:
        if node.op in CONVOLUTIONS and math.prod(node.shape[1:]) > 1:
            channels, h, w = node.shape
            widths[round(0.5 * math.log2(height * width / (h * w)))] += channels
    if not widths:
        return -math.inf
    return math.fsum(map(math.log, widths.values())) / len(widths)
