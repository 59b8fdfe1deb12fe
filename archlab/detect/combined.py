"""The score ``detection``: a short training and a probe, combined."""

from __future__ import annotations

import math

from archlab.detect.dataset import DetectionData
from archlab.detect.probe import class_probe
from archlab.detect.scores import Scored
from archlab.detect.short_training import short_training
from archlab.detect.untrained import looks, mean
from archlab.ir import Graph


def detection(graph: Graph, data: DetectionData, seed: int) -> Scored:
    """Return log A - log L: A the balanced accuracy of the class probe, L the loss of the short training."""
    loss = short_training(graph, data, seed)
    accuracy = mean(class_probe, looks(graph, data, seed))
    return Scored(math.log(max(accuracy, 1e-9)) - math.log(loss), {"loss": loss, "class accuracy": accuracy})
