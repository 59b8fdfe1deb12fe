"""The box features of a detector's graph: the graph cut behind its RoI operator."""

from __future__ import annotations

import dataclasses

import torch
from torch import fx

from archlab.errors import InputError
from archlab.ir import Graph
from archlab.nn import build
from archlab.pyramid import pruned

POOLS = ("roi_align", "roi_pool")


def pooled_features(graph: Graph, seed: int) -> fx.GraphModule:
    """The part of a detector ``graph`` that takes (images, (K, 5) boxes) to RoI features (K, C, P, P).

    Raises:
        InputError: the graph has no RoI operator.
    """
    pool = next((node.name for node in graph if node.op in POOLS), None)
    if pool is None:
        raise InputError(
            f"{graph.name} is no detector: it has no RoI operator",
            hint="write a detect: section, or attach a head with archlab.detect.attach",
        )
    part = pruned(dataclasses.replace(graph, outputs=(pool,)))
    return build(part, seed=seed).to(memory_format=torch.channels_last)
