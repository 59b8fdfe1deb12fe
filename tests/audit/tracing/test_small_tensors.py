"""Small tensors keep their values on a pass without data, wherever the forward makes or moves them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from tests.audit.tracing.traps import Fn

FORWARDS = {
    "made on the input's device": lambda s, x, m: (
        s.layer(x) if (torch.arange(3, device=x.device) < 3).all() else s.layer(s.layer(x))
    ),
    "moved to the input's device": lambda s, x, m: s.layer(x) if m.to(x.device).all() else s.layer(s.layer(x)),
    "made like a small one": lambda s, x, m: (
        s.layer(x) if not torch.zeros_like(m, device=x.device).any() else s.layer(s.layer(x))
    ),
    "made by a tensor without data": lambda s, x, m: (
        s.layer(x) if x.new_ones(3).sum().item() == 3 else s.layer(s.layer(x))
    ),
    "read as a number": lambda s, x, m: s.layer(x)[: int(m.sum(1).max().to(x.device).item())],
    "a literal GPU that is not there": lambda s, x, m: s.layer(x.cuda()) if m.cuda().all() else x,
}


@pytest.mark.parametrize("weights", ["real", "meta"])
@pytest.mark.parametrize("forward", FORWARDS)
def test_a_forward_that_looks_at_them_needs_no_real_run(forward, weights):
    with torch.device("meta" if weights == "meta" else "cpu"):
        model = Fn(FORWARDS[forward], layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(512, 64), torch.ones(2, 512, dtype=torch.long))
    assert (audit.device, audit.reason) == ("meta", None)
    assert audit.macs == 512 * 64 * 64


def test_what_a_small_one_is_given_without_data_takes_its_values_away():
    def forward(self, x):
        kept = torch.zeros(4, device=x.device)
        kept[0] = self.layer(x)[0, 0]
        return x if kept.sum() > 0 else self.layer(x)

    audit = archlab.audit(Fn(forward, layer=nn.Linear(64, 64)), torch.ones(512, 64))
    assert audit.device == "real", "its sum is not known without data"


def test_a_mask_of_a_long_batch_is_looked_at_too():
    model = Fn(lambda s, x, m: s.layer(x) if m.all() else x, layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(512, 64), torch.ones(32, 4096, dtype=torch.bool))
    assert (audit.device, audit.macs) == ("meta", 512 * 64 * 64)
