"""A detector's backbone started from trained weights, its batch norms measured on the new data and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from archlab.detect.dataset import DetectionData

MEASURED_ON, AT_ONCE = 64, 8
"""Training images by which norms are measured, and how many at a time."""


@torch.no_grad()
def start_backbone(model: nn.Module, state: Mapping[str, Tensor], data: DetectionData) -> None:
    """Put ``state`` into the backbone of a Faster R-CNN, and freeze its batch norms at what they read on ``data``.

    Small batches measure norms badly, and those of the weights are of other images, or of a wider network: so they are
    measured once, over ``MEASURED_ON`` images, and then stay, as detectors on trained backbones keep theirs (He et al.
    2017, arXiv:1703.06870, appendix A; Detectron2's FrozenBN). What ``state`` does not name, such as the neck, is as it
    was, and is trained from there.
    """
    body = cast(nn.Module, cast(Any, model).backbone.body)
    body.load_state_dict({**body.state_dict(), **state})
    names = {name.rpartition(".")[0] for name in state}
    norms = [m for name, m in body.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and name in names]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = body.training
    body.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    device = next(body.parameters()).device
    count = min(MEASURED_ON, len(data))
    for start in range(0, count, AT_ONCE):
        images = data.batch(range(start, min(start + AT_ONCE, count)), device)
        body(images.contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.requires_grad_(False)
        norm.register_forward_pre_hook(_stay)
    body.train(was_training)


def _stay(norm: nn.Module, _inputs: Any) -> None:
    """Keep a norm in evaluation, also where the model around it trains."""
    norm.training = False
