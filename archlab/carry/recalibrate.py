"""Statistics of batch norms, from images instead of training."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def recalibrate(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of every batch norm to the mean of those of ``batches``; nothing else changes.

    Batches of one size, so that each counts as much. Everything but the norms runs as in evaluation.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    was_training = {m: m.training for m in module.modules()}
    momentum = {norm: norm.momentum for norm in norms}
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's way to say: the plain mean over batches
        norm.train()
    try:
        for batch in batches:
            module(batch)
    finally:
        for norm in norms:
            norm.momentum = momentum[norm]
        for m, training in was_training.items():
            m.training = training
