"""Short RoI training: a few steps with given proposals, worth the loss that they reach on other images.

By itself it is the score ``short_roi``; with the class probe beside it, ``detection``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from archlab.detect.dataset import DetectionData, split
from archlab.detect.probe import class_probe, place_read
from archlab.detect.proposals import Proposals, propose
from archlab.detect.scores import Scored
from archlab.detect.train_detector import adamw, batches, forked_rng
from archlab.detect.untrained import looks, mean
from archlab.errors import ScoreError
from archlab.ir import Graph
from archlab.nn import build
from archlab.nn.narrow_strides import narrow_strides_apart

STEPS, BATCH, PER_IMAGE, RATE = 60, 8, 32, 2e-3
CHECKS = 3
"""Times at which the loss is taken: at the end, and at each twelfth of the steps before it."""
HELD_OUT, MOST_HELD_OUT = 0.2, 48
"""The share of the images whose loss is taken, and how many they are at most."""
OFFSET_WEIGHTS, BETA = (10.0, 10.0, 5.0, 5.0), 1 / 9
"""As torchvision weighs the offsets and smooths their loss."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss on held-out images, and its two terms; each the geometric mean of ``CHECKS`` looks.

    Attributes:
        total: of the class and the place together.
        classes: cross-entropy of the class.
        place: smooth L1 of the offsets.
    """

    total: float
    classes: float
    place: float

    @property
    def parts(self) -> dict[str, float]:
        """The three by the names that a report has for them."""
        return {"loss": self.total, "class loss": self.classes, "place loss": self.place}


def short_training(
    graph: Graph, data: DetectionData, seed: int, steps: int = STEPS, device: torch.device | str = "cpu"
) -> Loss:
    """Return the loss, the lower the better, that a detector ``graph`` reaches on images held out in ``steps`` steps.

    The loss is Fast R-CNN's (Girshick 2015, arXiv:1504.08083, equation 1): cross-entropy of the class and smooth L1 of
    the offsets. What makes it quick is that no region proposal network is
    trained: the boxes are the data's own, jittered, and background. AdamW at a constant rate; weights of ``seed``.

    Raises:
        InputError: there are fewer than two images.
        ScoreError: a loss is not finite; or no image to train on, or none that is held out, has a box.
    """
    rng = torch.Generator().manual_seed(seed)
    training, held_out = split(data, HELD_OUT, seed)
    if not len(training.sides) or not len(held_out.sides):
        raise ScoreError(
            f"{data.source} has no box among the {len(training if not len(training.sides) else held_out)} images that "
            f"{'train' if not len(training.sides) else 'are held out'}, so that there is nothing to find",
            hint="give it more images with boxes",
        )
    shown = range(min(len(held_out), MOST_HELD_OUT))
    device = torch.device(device)
    test, images = propose(held_out, shown, rng, PER_IMAGE).to(device), _layout(held_out.batch(shown, device))
    module = build(graph, seed=seed).to(device).to(memory_format=torch.channels_last).train()
    optimiser = adamw(module, RATE, 1e-4)
    checks = {steps - i * (steps // 12) for i in range(CHECKS)}
    found: list[tuple[float, float, float]] = []
    with forked_rng(device), narrow_strides_apart(module):
        torch.manual_seed(seed)  # dropout's
        for step, indices in enumerate(batches(len(training), BATCH, rng), start=1):
            proposals = propose(training, indices.tolist(), rng, PER_IMAGE).to(device)
            logits, deltas = module(_layout(training.batch(indices, device)), proposals.rois)
            classes, place = roi_losses(logits, deltas, proposals)
            loss = classes + place
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(module.parameters(), 10.0)
            optimiser.step()
            if step in checks:
                with torch.no_grad():
                    logits, deltas = module(images, test.rois)
                    classes, place = roi_losses(logits, deltas, test)
                    loss = classes + place
                found.append((loss.item(), classes.item(), place.item()))
            if not math.isfinite(loss.item()):
                raise ScoreError(f"the loss is {loss.item()} at step {step} of {steps}")
            if step == steps:
                break
    return Loss(*map(_mean, zip(*found, strict=True)))


def _mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(max(value, 1e-12) for value in values)


def _layout(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def roi_losses(logits: Tensor, deltas: Tensor, proposals: Proposals) -> tuple[Tensor, Tensor]:
    """Return Fast R-CNN's losses of class and place, as in torchvision.

    Args:
        logits: (K, classes + 1); ``deltas`` are (K, 4 (classes + 1)) offsets.
    """
    labels = proposals.labels
    true = labels > 0
    own = deltas.reshape(len(labels), -1, 4)[true, labels[true]]
    aims = proposals.offsets[true] * torch.tensor(OFFSET_WEIGHTS, device=labels.device)
    place = F.smooth_l1_loss(own, aims, beta=BETA, reduction="sum") / len(labels)
    return F.cross_entropy(logits, labels), place


def short_roi(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> Scored:
    """Return minus the loss of a short training."""
    loss = short_training(graph, data, seed, device=device)
    return Scored(-loss.total, loss.parts)


def detection(graph: Graph, data: DetectionData, seed: int, device: torch.device | str = "cpu") -> Scored:
    """Return log A - log L: A the balanced accuracy of the class probe, L the loss of the short training."""
    loss = short_training(graph, data, seed, device=device)
    seen = looks(graph, data, seed, device)
    accuracy = mean(class_probe, seen)
    parts = {**loss.parts, "class accuracy": accuracy, **place_read(seen)}
    return Scored(math.log(max(accuracy, 1e-9)) - math.log(loss.total), parts)
