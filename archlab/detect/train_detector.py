"""Training a detector for a stated number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from archlab.detect.dataset import DetectionData
from archlab.detect.multiscale import resize_batch
from archlab.detect.scale_jitter import WINDOWS, jitter_scale
from archlab.errors import ScoreError
from archlab.nn.narrow_strides import narrow_strides_apart


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a detector is trained: AdamW under a cosine with a warm-up, on mirrored and unmirrored images.

    Attributes:
        steps: optimiser steps.
        batch_size: images per step.
        rate: the peak learning rate.
        decay: weight decay.
        warm_up: the share of the steps in which the rate rises.
        clip: the most that the gradient's norm may be.
        augment: what else is done to images, of ``archlab.detect.training_plan.AUGMENTATIONS``.
    """

    steps: int = 750
    batch_size: int = 8
    rate: float = 2e-3
    decay: float = 1e-4
    warm_up: float = 0.1
    clip: float = 10.0
    augment: tuple[str, ...] = ()

    def rate_at(self, step: int) -> float:
        """Return the learning rate of step ``step``, from 0 on."""
        rising = max(1, round(self.steps * self.warm_up))
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising)))


def adamw(module: nn.Module, rate: float, decay: float) -> torch.optim.Optimizer:
    """Return AdamW of a module's parameters, in one kernel a step where its device has one."""
    is_fused = next(module.parameters()).device.type in ("cpu", "cuda", "mps")
    return torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=decay, fused=is_fused)


def forked_rng(device: torch.device) -> AbstractContextManager[None]:
    """Leave torch's global generators, the device's own too, as they were before."""
    return cast("AbstractContextManager[None]", torch.random.fork_rng(None if device.type == "cuda" else []))


def batches(count: int, batch_size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices of batch after batch, without end, every image once before any comes a second time."""
    left = torch.empty(0, dtype=torch.long)
    while True:
        while len(left) < batch_size:
            left = torch.cat([left, torch.randperm(count, generator=rng)])
        yield left[:batch_size]
        left = left[batch_size:]


def mirrored(images: Tensor, boxes: list[Tensor], which: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the images (n, 3, H, W), those of ``which`` (n,) mirrored left to right, and their boxes with them."""
    width = images.shape[-1]
    flipped = torch.where(which.to(images.device)[:, None, None, None], images.flip(-1), images)
    turned = []
    for each, flip in zip(boxes, which.tolist(), strict=True):
        x1, y1, x2, y2 = each.unbind(1)
        turned.append(torch.stack([width - x2, y1, width - x1, y2], dim=1) if flip else each)
    return flipped, turned


def train(
    model: nn.Module,
    data: DetectionData,
    schedule: Schedule,
    seed: int,
    after: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train ``model``, a torchvision detector, on ``data``; return the loss of every step.

    It is trained on the device that it is on. Everything random comes from ``seed``; torch's global generator, which
    torchvision's samplers draw from, is as before when it returns.

    Args:
        after: called behind every step with its number from 1 on and its loss; may raise to end the training.

    Raises:
        ScoreError: a loss is not finite.
    """
    rng = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    optimiser = adamw(model, schedule.rate, schedule.decay)
    windows = [name for name in schedule.augment if name in WINDOWS]
    losses: list[float] = []
    model.train()
    with forked_rng(device), narrow_strides_apart(model):
        torch.manual_seed(seed)
        for step, indices in enumerate(batches(len(data), schedule.batch_size, rng)):
            if step == schedule.steps:
                break
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at(step)
            flips = torch.rand(len(indices), generator=rng) < 0.5
            own = [data.boxes[i].to(device) for i in indices]
            images, boxes = mirrored(data.batch(indices, device), own, flips)
            labels = [data.labels[i].to(device) for i in indices]
            if windows:
                images, boxes, labels = jitter_scale(images, boxes, labels, windows, rng)
            if "multiscale" in schedule.augment:
                images, boxes = resize_batch(images, boxes, rng)
            targets = [{"boxes": own, "labels": names} for own, names in zip(boxes, labels, strict=True)]
            loss = sum(model(list(images), targets).values())
            if not math.isfinite(loss.item()):
                raise ScoreError(f"the loss is {loss.item()} at step {step + 1} of {schedule.steps}")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), schedule.clip)
            optimiser.step()
            losses.append(loss.item())
            if after is not None:
                after(step + 1, losses[-1])
    return losses
