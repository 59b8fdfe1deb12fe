"""RoI probe: how much of a box's class and place can be read off an untrained detector's features.

Ridge regression in closed form on the features of one part of the images, scored on the rest. Linear probes of layers
are Alain and Bengio 2016 (arXiv:1610.01644); probing boxes through RoI align before any training is archlab's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData
from archlab.detect.scores import Scored
from archlab.detect.untrained import Look, looks, mean
from archlab.errors import ScoreError
from archlab.ir import Graph

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Ridge strengths that are tried, in units of the mean eigenvalue of the features' covariance."""


def class_probe(look: Look) -> float:
    """Return the balanced accuracy, from 0 to 1, of the classes and the background: the mean of each one's share right.

    One-hot targets, weighted so that every class counts the same; the strength is the best by leave-one-out on the
    part that is fitted (Golub, Heath and Wahba 1979).

    Raises:
        ScoreError: fewer than two classes have boxes in both parts.
    """
    labels, fold = look.proposals.labels, look.fold
    classes = [
        c for c in sorted(set(labels.tolist())) if (fold & (labels == c)).any() and (~fold & (labels == c)).any()
    ]
    if len(classes) < 2:
        raise ScoreError("the probe needs two classes with boxes in both parts of the images; give it more images")
    kept = torch.isin(labels, torch.tensor(classes))
    fit, test = fold & kept, ~fold & kept
    targets = (labels[:, None] == torch.tensor(classes)).double()
    weights = 1 / targets[fit].sum(0)[targets[fit].argmax(1)]
    guess = ridge(look.features[fit], targets[fit], look.features[test], weights).argmax(1)
    truth = targets[test].argmax(1)
    return sum((guess[truth == i] == i).double().mean().item() for i in range(len(classes))) / len(classes)


def place_probe(look: Look) -> float:
    """Return R², at most 1, of the offsets from jittered boxes to their true boxes, averaged over the four.

    Raises:
        ScoreError: a part of the images has fewer than two true boxes.
    """
    true = look.proposals.labels > 0
    fit, test = look.fold & true, ~look.fold & true
    if fit.sum() < 2 or test.sum() < 2:
        raise ScoreError("the probe needs two true boxes in both parts of the images; give it more images")
    targets = look.proposals.offsets.double()
    guess = ridge(look.features[fit], targets[fit], look.features[test])
    error = (targets[test] - guess).square().sum(0)
    spread = (targets[test] - targets[test].mean(0)).square().sum(0)
    return (1 - error / spread.clamp(min=1e-12)).mean().item()


def ridge(x: Tensor, y: Tensor, at: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the ridge regression (m, t) of ``y`` (n, t) on features ``x`` (n, d), evaluated at ``at`` (m, d).

    Features are centred and brought to one overall scale; the strength is chosen by leave-one-out. In double
    precision, by the eigenvectors of the n by n kernel, which is the smaller side.
    """
    x, at = x.double(), at.double()
    w = torch.ones(len(x), dtype=torch.float64) if weights is None else weights.double()
    w = (w / w.mean()).sqrt()[:, None]
    mean_x, mean_y = (x * w**2).sum(0) / (w**2).sum(), (y * w**2).sum(0) / (w**2).sum()
    x, at, y = (x - mean_x) * w, at - mean_x, (y - mean_y) * w
    kernel = x @ x.T
    values, vectors = torch.linalg.eigh(kernel)
    values = values.clamp(min=0)
    rotated = vectors.T @ y
    best, found = None, None
    for strength in STRENGTHS:
        shrink = 1 / (values + strength * values.mean().clamp(min=1e-12))
        dual = vectors @ (shrink[:, None] * rotated)
        left_out = dual / (vectors.square() @ shrink)[:, None]
        error = left_out.square().sum().item()
        if best is None or error < best:
            best, found = error, dual
    assert found is not None
    guess: Tensor = at @ (x.T @ found) + mean_y
    return guess


def place_read(seen: Sequence[Look]) -> dict[str, float]:
    """Return R² of the place as a score has it: not below zero, where the guess is worse than the mean place.

    How far below says how the ridge has failed, and nothing of the features. Empty where there are too few true boxes.
    """
    try:
        return {"place R²": max(0.0, mean(place_probe, seen))}
    except ScoreError:
        return {}


def roi_probe(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> Scored:
    """Return what both probes read off untrained features, added; R² below zero counts as zero.

    Raises:
        ScoreError: as ``class_probe`` and ``place_probe``.
    """
    seen = looks(graph, data, seed, device)
    parts = {"class accuracy": mean(class_probe, seen), "place R²": max(0.0, mean(place_probe, seen))}
    return Scored(sum(parts.values()), parts)
