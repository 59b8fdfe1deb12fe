"""The box features of a detector's graph: the graph cut behind its RoI operator."""

from __future__ import annotations

import dataclasses

import torch
from torch import fx

from archlab.detector import prune
from archlab.errors import InputError
from archlab.ir import Graph, Node
from archlab.nn import build

POOLS = ("roi_align", "roi_pool")


def roi_node(graph: Graph) -> Node:
    """The RoI operator of a detector's ``graph``.

    Raises:
        InputError: it has none.
    """
    for node in graph:
        if node.op in POOLS:
            return node
    raise InputError(
        f"{graph.name} is no detector: it has no RoI operator",
        hint="write a stage detect, or attach a neck and a head with archlab.detect.attach",
    )


def pooled_features(graph: Graph, seed: int) -> fx.GraphModule:
    """The part of a detector ``graph`` that takes (images, (K, 5) boxes) to RoI features (K, C, P, P).

    Raises:
        InputError: the graph has no RoI operator.
    """
    part = prune(dataclasses.replace(graph, outputs=(roi_node(graph).name,)))
    return build(part, seed=seed).to(memory_format=torch.channels_last)
