"""How an untrained detector's RoI features answer to a box that moves, through the operator's gradients to boxes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData
from archlab.detect.proposals import propose
from archlab.detect.scores import Scored
from archlab.detect.untrained import IMAGES, INITS, PER_IMAGE, chosen_images, pooled_features
from archlab.errors import ScoreError
from archlab.ir import Graph

PROJECTIONS = 8
"""Random directions in which the features' Jacobian is estimated."""


def box_response(
    graph: Graph,
    data: DetectionData,
    images: Sequence[int],
    per_image: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> tuple[float, float]:
    """Return the jitter sensitivity and the localisation information of the true boxes in ``images``.

    With f the RoI features of a box, centred over the boxes, b its four sides in units of its own width and height,
    J = df/db, and v the features' variance over the boxes, per element:

    - sensitivity: mean over the boxes of log(|J|² / |f|²), the squared relative change of the features per relative
      move of the box;
    - information: mean over the boxes of ½ log det(1 + JᵀJ / v), the information in nats that features with noise of
      variance v hold of the box's place (the Gaussian channel: Cover and Thomas, Elements of Information Theory,
      chapter 9).

    JᵀJ is estimated without bias from ``PROJECTIONS`` Gaussian directions (Hutchinson 1990).

    Raises:
        ScoreError: fewer than two true boxes, or features that are all the same.
    """
    rng = torch.Generator().manual_seed(seed)
    module = pooled_features(graph, seed).to(device).requires_grad_(False)
    proposals = propose(data, images, rng, per_image)
    proposals = proposals.part(proposals.labels > 0)
    if len(proposals) < 2:
        raise ScoreError("the response to boxes needs two true boxes; give it more images")
    rois = proposals.rois.to(device, copy=True).requires_grad_()
    features = module(data.batch(images, device).contiguous(memory_format=torch.channels_last), rois).flatten(1)
    sides = (proposals.rois[:, 3:] - proposals.rois[:, 1:3]).repeat(1, 2)
    gram = _gram(features, rois, sides, rng)
    values = features.detach().cpu()
    centred = values - values.mean(0)
    power, variance = centred.square().sum(1), centred.var(0).mean().item()
    if variance <= 0 or not math.isfinite(variance):
        raise ScoreError("all boxes have the same features")
    change = gram.diagonal(dim1=1, dim2=2).sum(1)
    sensitivity = torch.log(change.clamp(min=1e-30) / power.clamp(min=1e-30)).mean().item()
    information = 0.5 * torch.logdet(torch.eye(4) + gram / variance).mean().item()
    return sensitivity, information


def _gram(features: Tensor, rois: Tensor, sides: Tensor, rng: torch.Generator) -> Tensor:
    """Return JᵀJ of each box, (K, 4, 4), the box's sides in units of ``sides`` (K, 4)."""
    total = torch.zeros(len(rois), 4, 4)
    for i in range(PROJECTIONS):
        direction = torch.randn(features.shape, generator=rng).to(features.device)
        (gradient,) = torch.autograd.grad(features, rois, direction, retain_graph=i + 1 < PROJECTIONS)
        move = gradient[:, 1:].cpu() * sides
        total += move[:, :, None] * move[:, None, :]
    return total / PROJECTIONS


def _response(graph: Graph, data: DetectionData, seed: int, device: torch.device | str) -> tuple[float, float]:
    pairs = []
    for init in range(seed, seed + INITS):
        images = chosen_images(data, IMAGES, torch.Generator().manual_seed(init))
        pairs.append(box_response(graph, data, images, PER_IMAGE, init, device))
    sensitivity, information = (statistics.fmean(values) for values in zip(*pairs, strict=True))
    return sensitivity, information


def jitter_sensitivity(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> Scored:
    """Return the first of the response's two numbers, with both as parts."""
    value, information = _response(graph, data, seed, device)
    return Scored(value, {"sensitivity": value, "information": information})


def localisation(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> Scored:
    """Return the second of the response's two numbers, with both as parts."""
    sensitivity, value = _response(graph, data, seed, device)
    return Scored(value, {"sensitivity": sensitivity, "information": value})
