"""The detection scores: one row each, and the one way to call them. Imports no torch before a score is computed.

A new score is a file beside this one, with a function of the score's name, and a row here.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from archlab.detect.attach import detector_for
from archlab.errors import InputError, ScoreError, did_you_mean
from archlab.ir import Graph

if TYPE_CHECKING:
    import torch

    from archlab.detect.dataset import DetectionData


@dataclass(frozen=True, slots=True)
class Scored:
    """A score: its value, the higher the better, and the parts that it is made of, by name."""

    value: float
    parts: dict[str, float]


Function = Callable[[Graph, "DetectionData", int, "torch.device | str"], Scored]


@dataclass(frozen=True, slots=True)
class DetectionScore:
    """A number that a backbone is worth as a detector's, on data.

    Attributes:
        name: what a search calls it.
        file: the file in ``archlab/detect`` that its function, of the same name, stands in.
        summary: what it measures, in half a line.
        source: the paper, or that it is archlab's own.
    """

    name: str
    file: str
    summary: str
    source: str

    @property
    def function(self) -> Function:
        """(Detector's graph, training data, seed, device) to the score.

        It is deterministic, and torch's global generator is as before.
        """
        return cast(Function, getattr(importlib.import_module(f"archlab.detect.{self.file}"), self.name))


def score_detector(
    name: str, graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu"
) -> Scored:
    """Return the detection score ``name`` of ``graph`` on ``data``, whose images have the size of the graph's input.

    A graph that is no detector is given the neck and head of ``SMALL``; one that is keeps its own, with as many classes
    as the data has. It is run and trained on ``device``.

    Raises:
        InputError: there is no such score, or the images are of another size than the network's input.
        ElaborationError: the backbone does not give the levels.
        ScoreError: the score is not finite or cannot be computed from this data; the message names the score.
    """
    if name not in DETECTION_SCORES:
        raise InputError(f"there is no detection score {name!r}", hint=did_you_mean(name, DETECTION_SCORES))
    graph = detector_for(graph, data)
    try:
        scored = DETECTION_SCORES[name].function(graph, data, seed, device)
    except ScoreError as error:
        raise ScoreError(f"{name}: {error.message}", hint=error.hint) from None
    if not math.isfinite(scored.value):
        raise ScoreError(f"{name}: it is {scored.value}, not a finite number")
    return scored


DETECTION_SCORES: dict[str, DetectionScore] = {
    row.name: row
    for row in (
        DetectionScore(
            "detection", "short_training", "short RoI training and RoI probe: the one to search with", "archlab's own"
        ),
        DetectionScore(
            "short_roi",
            "short_training",
            "minus the loss of a short training with given proposals",
            "arXiv:1504.08083, loss",
        ),
        DetectionScore(
            "roi_probe",
            "probe",
            "class and place of boxes, read off untrained features by ridge",
            "arXiv:1610.01644",
        ),
        DetectionScore("roi_fisher", "fisher", "how far apart untrained features keep the classes", "Fisher 1936"),
        DetectionScore(
            "jitter_sensitivity",
            "box_response",
            "relative change of a box's features as it moves",
            "archlab's own",
        ),
        DetectionScore(
            "localisation",
            "box_response",
            "information that a box's features hold of its place",
            "archlab's own",
        ),
        DetectionScore(
            "level_entropy",
            "level_entropy",
            "entropy of the levels, weighted by the data's boxes",
            "arXiv:2111.13336",
        ),
    )
}
"""Every detection score by name."""

DETECTION = tuple(DETECTION_SCORES)
"""The scores' names; the first is the one to search with."""
