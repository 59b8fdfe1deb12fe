"""Features that an untrained detector gives of boxes: what the probes look at."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx

from archlab.detect.attach import roi_node
from archlab.detect.dataset import DetectionData
from archlab.detect.proposals import Proposals, propose
from archlab.detector import prune
from archlab.ir import Graph
from archlab.nn import build

INITS = 3
"""Initialisations over which the scores of untrained networks are averaged: one alone is mostly noise."""

IMAGES, PER_IMAGE = 48, 16
"""Images that a probe looks at, and boxes in each, at most."""


@dataclass(frozen=True, eq=False)
class Look:
    """An untrained detector's view of some boxes.

    Attributes:
        features: (K, C·P·P) RoI features, flat.
        proposals: the K boxes, in batch order.
        fold: (K,) of each box whether its image belongs to the part that probes are fitted on.
    """

    features: Tensor
    proposals: Proposals
    fold: Tensor


def chosen_images(data: DetectionData, count: int, rng: torch.Generator) -> list[int]:
    """Choose at most ``count`` images randomly, and return them in random order."""
    return torch.randperm(len(data), generator=rng)[:count].tolist()


def look(
    graph: Graph,
    data: DetectionData,
    images: Sequence[int],
    per_image: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Look:
    """Return the RoI features that ``graph``, a detector's, gives of boxes in ``images`` with the weights of ``seed``.

    Norms take the statistics of the batch, as in training. The network runs on ``device``; what it gives is on the CPU,
    as probes need float64, which not every device has. Every other image is for fitting.
    """
    rng = torch.Generator().manual_seed(seed)
    proposals = propose(data, images, rng, per_image)
    module = pooled_features(graph, seed).to(device)
    with torch.no_grad():
        features = module(
            data.batch(images, device).contiguous(memory_format=torch.channels_last), proposals.rois.to(device)
        ).cpu()
    return Look(features.flatten(1), proposals, proposals.rois[:, 0] % 2 == 0)


def pooled_features(graph: Graph, seed: int) -> fx.GraphModule:
    """Return the part of a detector ``graph`` that takes (images, (K, 5) boxes) to RoI features (K, C, P, P).

    Raises:
        InputError: the graph has no RoI operator.
    """
    part = prune(dataclasses.replace(graph, outputs=(roi_node(graph).name,)))
    return build(part, seed=seed).to(memory_format=torch.channels_last)


def looks(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> list[Look]:
    """Return what ``INITS`` initialisations see of boxes in ``IMAGES`` images, other images each time."""
    seen = []
    for init in range(seed, seed + INITS):
        images = chosen_images(data, IMAGES, torch.Generator().manual_seed(init))
        seen.append(look(graph, data, images, PER_IMAGE, init, device))
    return seen


def mean(function: Callable[[Look], float], seen: Sequence[Look]) -> float:
    """Return the mean of a score over what was seen."""
    return statistics.fmean(map(function, seen))
