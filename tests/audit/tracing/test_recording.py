"""What the pass writes down of where tensors come from."""

from __future__ import annotations

import torch
from torch import nn

import archlab


def test_a_new_tensor_in_the_place_of_a_dead_one_has_no_source():
    class Constants(nn.Module):
        def forward(self, x):
            for _ in range(30):
                x = x + x * 2
                x = x * torch.tensor([1.0])
            return x

    audit = archlab.audit(Constants(), torch.ones(1))
    assert {o.inputs for o in audit.operators if o.op == "lift_fresh"} == {()}
