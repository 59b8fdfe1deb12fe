"""Measured AP: a whole detector, proposals included, trained for a stated number of steps and evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from archlab.detect.attach import detector_for
from archlab.detect.average_precision import AveragePrecision, average_precision, predict
from archlab.detect.dataset import DetectionData
from archlab.detect.faster_rcnn import torchvision_model
from archlab.detect.start_weights import start_backbone
from archlab.detect.train_detector import Schedule, train
from archlab.detector import neck_strides
from archlab.ir import Graph

LOOKS = (0.5, 0.8)
"""The shares of a training after which AP is measured, so that a pruner can compare.

The first is the earliest that the trainings on two inputs allowed, by a rule that was fixed before them
(``benchmarks/raccoons.py``): a look at .4 saves more, and loses more than half of what one training deviates by.
"""

Report = Callable[[int, float], None]
"""Takes the step and the AP at that step; may raise to end the training."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A trained detector's AP on validation images, and what it found in them.

    Attributes:
        ap: as COCO defines it.
        found: for each validation image what torchvision's detectors put out.
        losses: of every step.
        model: the detector, on the CPU.
    """

    ap: AveragePrecision
    found: list[dict[str, Tensor]]
    losses: list[float]
    model: nn.Module


def measure_ap(
    graph: Graph,
    training: DetectionData,
    validation: DetectionData,
    schedule: Schedule,
    seed: int,
    report: Report | None = None,
    device: torch.device | str = "cpu",
    start: Mapping[str, Tensor] | None = None,
    looks: Sequence[float] = LOOKS,
) -> Measured:
    """Train Faster R-CNN on the backbone and neck of ``graph``, and measure its AP.

    Args:
        graph: a detector's, or a backbone's, which is given ``archlab.detect.attach.SMALL``.
        report: called with the step and the AP at each share ``looks`` of the steps, rounded up, that comes before the
            last step.
        start: weights of the backbone, by the names of ``archlab.build``; by default it is trained from scratch.
        looks: shares of the training, above 0; a look changes nothing of the training.

    Raises:
        InputError: torchvision or pycocotools is missing, or the data is of another size than the network's input.
        ScoreError: a loss is not finite.
    """
    model = small_faster_rcnn(detector_for(graph, training), training, seed).to(device)
    if start is not None:
        start_backbone(model, start, training)
    at = {math.ceil(round(share * schedule.steps, 9)) for share in looks} - {schedule.steps}

    def after(step: int, _: float) -> None:
        if report is not None and step in at:
            report(step, _ap(average_precision(_found(model, validation, device), validation)))
            model.train()

    losses = train(model, training, schedule, seed, after)
    found = _found(model, validation, device)
    return Measured(average_precision(found, validation), found, losses, model.cpu())


def small_faster_rcnn(graph: Graph, data: DetectionData, seed: int) -> nn.Module:
    """Return Faster R-CNN on a detector's ``graph`` for the small images that it is trained on from scratch.

    The images are taken as they are; each step samples 64 anchors and 32 boxes per image, of at most 100 proposals; the
    finest anchor has the side of the data's small boxes.
    """
    return small_model(graph, data.size, anchor_scale(graph, data), seed)


def small_model(
    network: Graph | fx.GraphModule, size: tuple[int, int], anchor_scale: float, seed: int = 0
) -> nn.Module:
    """Return the same for images of ``size`` (height, width) and a known anchor; of a module with its weights."""
    height, width = size
    model = torchvision_model(
        network,
        anchor_scale=anchor_scale,
        seed=seed,
        min_size=height,
        max_size=width,
        _skip_resize=True,
        image_mean=[0.0] * 3,
        image_std=[1.0] * 3,
        rpn_pre_nms_top_n_train=128,
        rpn_pre_nms_top_n_test=128,
        rpn_post_nms_top_n_train=100,
        rpn_post_nms_top_n_test=100,
        rpn_batch_size_per_image=64,
        box_batch_size_per_image=32,
    )
    return model.to(memory_format=torch.channels_last)


def anchor_scale(graph: Graph, data: DetectionData) -> float:
    """Return an anchor's side in strides of its level, by which the finest level's is the data's 10 % quantile.

    At least 2, below which a map has no place for it, and at most the 8 of Lin et al. 2017 (arXiv:1612.03144).
    """
    boxes = torch.cat(data.boxes)
    if not len(boxes):
        return 8.0
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()
    finest = min(neck_strides(graph).values())
    return min(8.0, max(2.0, sides.quantile(0.1).item() / finest))


def _found(model: nn.Module, data: DetectionData, device: torch.device | str) -> list[dict[str, Tensor]]:
    model.eval()
    return predict(cast(Any, model), data, device=device)


def _ap(ap: AveragePrecision) -> float:
    return 0.0 if math.isnan(ap.ap) else ap.ap
