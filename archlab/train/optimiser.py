"""The optimiser of a training, and how it is told the rate of a step."""

from __future__ import annotations

import torch
from torch import nn

from archlab.train.settings import TrainSettings


def make_optimiser(module: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return the optimiser of a module's parameters that are trained.

    Vectors and single numbers, which are biases and what norms and layer scales multiply by, have no weight decay.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = settings.highest_rate
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=rate)
    return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, nesterov=settings.momentum > 0)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Have the next step taken at ``rate``."""
    for group in optimiser.param_groups:
        group["lr"] = rate
