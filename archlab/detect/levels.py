"""Which pyramid level a data set's boxes fall on."""

from __future__ import annotations

import torch

from archlab.detect.dataset import DetectionData
from archlab.detect.head import roi_node
from archlab.ir import Graph
from archlab.roi import assign_levels


def level_use(graph: Graph, data: DetectionData) -> dict[str, float]:
    """The share of the data's boxes that the detector ``graph`` reads from each of its levels, the finest first.

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
