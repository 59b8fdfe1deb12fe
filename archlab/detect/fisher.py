"""RoI Fisher ratio: how far apart an untrained detector's features keep the classes."""

from __future__ import annotations

import math

import torch

from archlab.detect.dataset import DetectionData
from archlab.detect.scores import Scored
from archlab.detect.untrained import Look, looks, mean
from archlab.errors import ScoreError
from archlab.ir import Graph


def fisher_ratio(look: Look) -> float:
    """Return log(tr S_b / tr S_w): the scatter between the classes' means over that within them, each class alike.

    Fisher 1936; of RoI features, the background being a class too. S_b and S_w are means over the classes, so that a
    frequent class weighs no more than a rare one.

    Raises:
        ScoreError: fewer than two classes have two boxes.
    """
    labels = look.proposals.labels
    groups = [look.features[labels == c].double() for c in sorted(set(labels.tolist()))]
    groups = [group for group in groups if len(group) > 1]
    if len(groups) < 2:
        raise ScoreError("the Fisher ratio needs two classes of two boxes each; give it more images")
    means = torch.stack([group.mean(0) for group in groups])
    between = (means - means.mean(0)).square().sum(1).mean().item()
    within = sum(group.var(0).sum().item() for group in groups) / len(groups)
    if within <= 0 or between <= 0:
        raise ScoreError("all boxes have the same features")
    return math.log(between / within)


def roi_fisher(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> Scored:
    """Return the Fisher ratio of untrained features."""
    value = mean(fisher_ratio, looks(graph, data, seed, device))
    return Scored(value, {"log ratio": value})
