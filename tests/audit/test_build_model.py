"""Building without memory: what a factory may do on the way."""

from __future__ import annotations

import copy

import torch
from torch import nn

from archlab.audit.build_model import build_without_memory


def test_a_factory_may_copy_modules_with_small_values_deeply():
    def make():
        layer = nn.Linear(8, 8)
        layer.register_buffer("steps", torch.arange(4.0))
        return nn.Sequential(layer, copy.deepcopy(layer))

    model = build_without_memory(make)
    assert all(p.is_meta for p in model.parameters())
    assert model[1].steps.tolist() == [0, 1, 2, 3]
    assert model[1].steps.data_ptr() != model[0].steps.data_ptr()
