"""Running a module for a score: nothing of the module changes, whatever the run does."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, fx, nn

CODED = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
)
"""Activations that pass what is positive and hold back what is not; gates (sigmoid, hardsigmoid, tanh) are none."""


LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Conv1d, nn.Linear)
"""The layers with weights that are trained as such; a convolution over channels is a Conv1d."""


class Run(fx.Interpreter):
    """Runs a module as in training, but for what would change it or be random.

    Batch norms take the statistics of the batch and keep none; dropout passes. The mode of the module plays no part.
    """

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        part = self.fetch_attr(target)
        return self.part(part, *args, **kwargs)

    def part(self, part: nn.Module, x: Tensor) -> Tensor:
        """Return the output of one operator."""
        match part:
            case nn.BatchNorm2d():
                return F.batch_norm(x, None, None, part.weight, part.bias, training=True, eps=part.eps)
            case nn.Dropout():
                return x
        y: Tensor = part(x)
        return y
