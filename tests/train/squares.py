"""A network that learns coloured squares, how it is trained here, and how weights are compared."""

from __future__ import annotations

import torch
from torch import nn

from archlab.train import TrainSettings

TEXT = """\
net squares(input=3x8x8)
stem: conv(8, 3, s=2) -> dropout(0.1)
body: conv(8, 3)
head: gap -> fc(3)
"""
SETTINGS = TrainSettings(
    steps=14, batch=7, augment=("flip", "crop", "colour"), ema=0.9, clip=1.0, label_smoothing=0.1, checkpoint_every=0,
    device="cpu",
)  # fmt: skip


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_same(one, other):
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name], other[name]), name
