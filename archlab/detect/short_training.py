"""Short RoI training: a few steps with given proposals, worth the loss that they reach."""

from __future__ import annotations

import math
import statistics

import torch
import torch.nn.functional as F
from torch import Tensor

from archlab.detect.dataset import DetectionData
from archlab.detect.proposals import Proposals, propose
from archlab.detect.train import batches
from archlab.errors import ScoreError
from archlab.ir import Graph
from archlab.nn import build

STEPS, TAIL, BATCH, PER_IMAGE, RATE = 40, 15, 8, 32, 2e-3
OFFSET_WEIGHTS, BETA = (10.0, 10.0, 5.0, 5.0), 1 / 9
"""As torchvision weighs the offsets and smooths their loss."""


def short_training(graph: Graph, data: DetectionData, seed: int, steps: int = STEPS) -> float:
    """Minus the mean loss of the last ``TAIL`` of ``steps`` steps of AdamW with proposals given.

    The loss is Fast R-CNN's (Girshick 2015, arXiv:1504.08083, equation 1): cross-entropy of the class and smooth L1 of
    the offsets. What makes it quick is that no region proposal network is trained: the boxes are the data's own,
    jittered, and background.

    Raises:
        ScoreError: a loss is not finite.
    """
    losses = training_losses(graph, data, seed, steps)
    return -statistics.fmean(losses[-TAIL:])


def training_losses(graph: Graph, data: DetectionData, seed: int, steps: int, batch: int = BATCH) -> list[float]:
    """The loss of each of ``steps`` steps of a detector ``graph`` with the weights of ``seed``."""
    rng = torch.Generator().manual_seed(seed)
    module = build(graph, seed=seed).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=1e-4, fused=True)
    losses: list[float] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout's
        for step, indices in enumerate(batches(len(data), batch, rng)):
            if step == steps:
                break
            proposals = propose(data, indices.tolist(), rng, PER_IMAGE)
            images = data.batch(indices).contiguous(memory_format=torch.channels_last)
            logits, deltas = module(images, proposals.rois)
            loss = roi_loss(logits, deltas, proposals)
            if not math.isfinite(loss.item()):
                raise ScoreError(f"the loss is {loss.item()} at step {step + 1} of {steps}")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(module.parameters(), 10.0)
            optimiser.step()
            losses.append(loss.item())
    return losses


def roi_loss(logits: Tensor, deltas: Tensor, proposals: Proposals) -> Tensor:
    """Fast R-CNN's loss of (K, classes + 1) logits and (K, 4 (classes + 1)) offsets, as torchvision reduces it."""
    labels = proposals.labels
    true = labels > 0
    own = deltas.reshape(len(labels), -1, 4)[true, labels[true]]
    aims = proposals.offsets[true] * torch.tensor(OFFSET_WEIGHTS)
    place = F.smooth_l1_loss(own, aims, beta=BETA, reduction="sum") / len(labels)
    return F.cross_entropy(logits, labels) + place
