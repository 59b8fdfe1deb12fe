"""A moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def start_average(module: nn.Module) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers, where they are."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


@torch.no_grad()
def average(kept: dict[str, Tensor], module: nn.Module, decay: float, step: int) -> None:
    """Move ``kept`` towards the module's weights after ``step`` steps; counters are copied.

    The decay rises with the steps, min(decay, (1 + step) / (10 + step)), so that the beginning is soon forgotten, as in
    TensorFlow's ExponentialMovingAverage.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            kept[name].lerp_(tensor, weight)
        else:
            kept[name].copy_(tensor)
