"""The detection scores: one row each, and the one way to call them."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from archlab.detect.box_response import box_response
from archlab.detect.dataset import DetectionData
from archlab.detect.fisher import fisher_ratio
from archlab.detect.level_entropy import level_entropy
from archlab.detect.levels import level_use
from archlab.detect.probe import class_probe, place_probe
from archlab.detect.short_training import short_training
from archlab.detect.untrained import Look, chosen_images, look
from archlab.detector import DetectorSpec, attach_detector, is_detector, spec_of
from archlab.errors import InputError, ScoreError, did_you_mean
from archlab.ir import Graph

INITS = 3
"""Initialisations over which the scores of untrained networks are averaged: one alone is mostly noise."""

IMAGES, PER_IMAGE = 48, 16
"""Images that a probe looks at, and boxes in each, at most."""

SMALL = DetectorSpec(width=64, head_width=256)
"""The neck and head that a network is given which says none of its own."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A score: its value, the higher the better, and the parts that it is made of, by name."""

    value: float
    parts: dict[str, float]


Function = Callable[[Graph, DetectionData, int], Scored]


@dataclass(frozen=True, slots=True)
class DetectionScore:
    """A number that a backbone is worth as a detector's, on data.

    Attributes:
        name: what a search calls it.
        function: (detector's graph, training data, seed) to the score. Deterministic; torch's global generator is as
            before.
        summary: what it measures, in half a line.
        source: the paper, or that it is archlab's own.
    """

    name: str
    function: Function
    summary: str
    source: str


def score_detector(name: str, graph: Graph, data: DetectionData, seed: int) -> Scored:
    """The detection score ``name`` of ``graph`` on ``data``, whose images have the size of the graph's input.

    A graph that is no detector is given the neck and head of ``SMALL``; one that is keeps its own, with as many classes
    as the data has.

    Raises:
        InputError: there is no such score, or the images are of another size than the network's input.
        ElaborationError: the backbone does not give the levels.
        ScoreError: the score is not finite or cannot be computed from this data; the message names the score.
    """
    if name not in DETECTION_SCORES:
        raise InputError(f"there is no detection score {name!r}", hint=did_you_mean(name, DETECTION_SCORES))
    graph = detector_for(graph, data)
    try:
        scored = DETECTION_SCORES[name].function(graph, data, seed)
    except ScoreError as error:
        raise ScoreError(f"{name}: {error.message}", hint=error.hint) from None
    if not math.isfinite(scored.value):
        raise ScoreError(f"{name}: it is {scored.value}, not a finite number")
    return scored


def detector_for(graph: Graph, data: DetectionData) -> Graph:
    """``graph`` as a detector of the classes of ``data``.

    Raises:
        InputError: the images are of another size than the network's input.
    """
    if graph.input_shape[1:] != data.size:
        raise InputError(
            f"{graph.name} takes images of {graph.input_shape[1]}x{graph.input_shape[2]}, and {data.source} was read "
            f"at {data.size[0]}x{data.size[1]}",
            hint="read the data at the network's size",
        )
    spec = spec_of(graph) if is_detector(graph) else SMALL
    return attach_detector(graph, dataclasses.replace(spec, classes=len(data.classes)))


def looks(graph: Graph, data: DetectionData, seed: int) -> list[Look]:
    """What ``INITS`` initialisations see of boxes in ``IMAGES`` images, other images each time."""
    seen = []
    for init in range(seed, seed + INITS):
        images = chosen_images(data, IMAGES, torch.Generator().manual_seed(init))
        seen.append(look(graph, data, images, PER_IMAGE, init))
    return seen


def _mean(function: Callable[[Look], float], seen: Sequence[Look]) -> float:
    return statistics.fmean(map(function, seen))


def _short(graph: Graph, data: DetectionData, seed: int) -> Scored:
    loss = short_training(graph, data, seed)
    return Scored(-loss, {"loss": loss})


def _probe(graph: Graph, data: DetectionData, seed: int) -> Scored:
    seen = looks(graph, data, seed)
    parts = {"class accuracy": _mean(class_probe, seen), "place R²": _mean(place_probe, seen)}
    return Scored(sum(parts.values()), parts)


def _fisher(graph: Graph, data: DetectionData, seed: int) -> Scored:
    value = _mean(fisher_ratio, looks(graph, data, seed))
    return Scored(value, {"log ratio": value})


def _response(graph: Graph, data: DetectionData, seed: int) -> tuple[float, float]:
    pairs = []
    for init in range(seed, seed + INITS):
        images = chosen_images(data, IMAGES, torch.Generator().manual_seed(init))
        pairs.append(box_response(graph, data, images, PER_IMAGE, init))
    sensitivity, information = (statistics.fmean(values) for values in zip(*pairs, strict=True))
    return sensitivity, information


def _sensitivity(graph: Graph, data: DetectionData, seed: int) -> Scored:
    value, information = _response(graph, data, seed)
    return Scored(value, {"sensitivity": value, "information": information})


def _localisation(graph: Graph, data: DetectionData, seed: int) -> Scored:
    sensitivity, value = _response(graph, data, seed)
    return Scored(value, {"sensitivity": sensitivity, "information": value})


def _entropy(graph: Graph, data: DetectionData, _seed: int) -> Scored:
    shares = level_use(graph, data)
    value = level_entropy(graph, shares)
    return Scored(value, {"entropy": value, **{f"share of {name}": share for name, share in shares.items()}})


def _detection(graph: Graph, data: DetectionData, seed: int) -> Scored:
    """log A - log L: A the balanced accuracy of the class probe, L the loss of the short training."""
    loss = short_training(graph, data, seed)
    accuracy = _mean(class_probe, looks(graph, data, seed))
    return Scored(math.log(max(accuracy, 1e-9)) - math.log(loss), {"loss": loss, "class accuracy": accuracy})


DETECTION_SCORES: dict[str, DetectionScore] = {
    row.name: row
    for row in (
        DetectionScore(
            "detection", _detection, "short RoI training and RoI probe: the one to search with", "archlab's own"
        ),
        DetectionScore(
            "short_roi", _short, "minus the loss of a short training with given proposals", "arXiv:1504.08083, loss"
        ),
        DetectionScore(
            "roi_probe", _probe, "class and place of boxes, read off untrained features by ridge", "arXiv:1610.01644"
        ),
        DetectionScore("roi_fisher", _fisher, "how far apart untrained features keep the classes", "Fisher 1936"),
        DetectionScore(
            "jitter_sensitivity", _sensitivity, "relative change of a box's features as it moves", "archlab's own"
        ),
        DetectionScore(
            "localisation", _localisation, "information that a box's features hold of its place", "archlab's own"
        ),
        DetectionScore(
            "level_entropy", _entropy, "entropy of the levels, weighted by the data's boxes", "arXiv:2111.13336"
        ),
    )
}
"""Every detection score by name."""
