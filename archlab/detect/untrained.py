"""Features that an untrained detector gives of boxes: what the probes look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData
from archlab.detect.head import pooled_features
from archlab.detect.proposals import Proposals, propose
from archlab.ir import Graph


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


def look(graph: Graph, data: DetectionData, images: Sequence[int], per_image: int, seed: int) -> Look:
    """The RoI features that ``graph``, a detector's, gives of boxes in ``images`` with the weights of ``seed``.

    Norms take the statistics of the batch, as in training. Every other image is for fitting.
    """
    rng = torch.Generator().manual_seed(seed)
    proposals = propose(data, images, rng, per_image)
    module = pooled_features(graph, seed)
    with torch.no_grad():
        features = module(data.batch(images).contiguous(memory_format=torch.channels_last), proposals.rois)
    return Look(features.flatten(1), proposals, proposals.rois[:, 0] % 2 == 0)
