"""Multi-level entropy: how much a backbone's levels can express, each weighted by the boxes that are read from it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from archlab.detect.attach import roi_node
from archlab.detect.dataset import DetectionData
from archlab.detect.scores import Scored
from archlab.detector import backbone_of, levels_of
from archlab.ir import INPUT, Graph
from archlab.ops import CONVOLUTIONS
from archlab.roi import assign_levels


def entropy_of_levels(graph: Graph, shares: Mapping[str, float]) -> float:
    """Return the sum over levels l of share_l (log C_l + sum of log sigma over the convolutions up to l).

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
        sums[node.name] = before + (_log_sigma(node.weights["weight"]) if node.op in CONVOLUTIONS else 0.0)
    levels = {level.name: level for level in levels_of(backbone_of(graph))}
    return sum(
        share * (math.log(levels[name].channels) + sums[levels[name].node]) for name, share in shares.items() if share
    )


def _log_sigma(weight: tuple[int, ...]) -> float:
    return 0.5 * math.log(math.prod(weight[1:]))


def level_use(graph: Graph, data: DetectionData) -> dict[str, float]:
    """Return the share of the data's boxes that the detector ``graph`` reads from each of its levels, the finest first.

    By the rule of its RoI operator (Lin et al. 2017, arXiv:1612.03144, equation 1). Equal shares without a box.

    Raises:
        InputError: the graph is no detector.
    """
    attrs = roi_node(graph).attrs
    numbers = [round(stride).bit_length() - 1 for stride in attrs["strides"]]
    boxes = torch.cat(data.boxes)
    rois = torch.cat([boxes.new_zeros(len(boxes), 1), boxes], dim=1)
    levels = assign_levels(rois, numbers[0], numbers[-1], attrs["canonical"])
    counts = levels.clamp(max=len(numbers) - 1).bincount(minlength=len(numbers)).tolist()
    total = sum(counts)
    return {f"p{n}": count / total if total else 1 / len(numbers) for n, count in zip(numbers, counts, strict=True)}


def level_entropy(graph: Graph, data: DetectionData, _seed: int, _device: torch.device | str = "cpu") -> Scored:
    """Return the entropy of a detector's levels, weighted by the data's boxes on them."""
    shares = level_use(graph, data)
    value = entropy_of_levels(graph, shares)
    return Scored(value, {"entropy": value, **{f"share of {name}": share for name, share in shares.items()}})
