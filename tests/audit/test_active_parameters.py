"""A mixture of experts: MACs of the routed tokens, and the parameters that one token uses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab

DIM, HIDDEN, EXPERTS, CHOSEN = 16, 32, 8, 2


class Experts(nn.Module):
    """Each token goes to the ``CHOSEN`` best of its experts, whose products are grouped."""

    def __init__(self, dtype):
        super().__init__()
        self.embed = nn.Embedding(50, DIM)
        self.router = nn.Linear(DIM, EXPERTS, bias=False)
        self.up = nn.Parameter(torch.ones(EXPERTS, HIDDEN, DIM, dtype=dtype))
        self.down = nn.Parameter(torch.ones(EXPERTS, DIM, HIDDEN, dtype=dtype))

    def forward(self, ids):
        x = self.embed(ids).flatten(0, 1)
        chosen = self.router(x).topk(CHOSEN).indices.flatten()
        order = chosen.argsort()
        rows = x.to(self.up.dtype).repeat_interleave(CHOSEN, 0)[order]
        ends = torch.nn.functional.one_hot(chosen, EXPERTS).sum(0).cumsum(0).to(torch.int32)
        hidden = torch._grouped_mm(rows, self.up.transpose(-2, -1), offs=ends)
        return torch._grouped_mm(hidden, self.down.transpose(-2, -1), offs=ends)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_tokens_that_are_routed_are_counted_and_an_experts_share_is_active(dtype):
    audit = archlab.audit(Experts(dtype), torch.zeros(4, 10, dtype=torch.long))
    expert = 2 * DIM * HIDDEN
    assert audit.macs == 40 * (DIM * EXPERTS + CHOSEN * expert)
    assert audit.params == 50 * DIM + DIM * EXPERTS + EXPERTS * expert
    assert audit.active_params == 50 * DIM + DIM * EXPERTS + CHOSEN * expert
    assert (audit.uncounted, audit.device) == ((), "meta")


class Looped(nn.Module):
    """The same with experts that are modules, each called with its tokens."""

    def __init__(self):
        super().__init__()
        self.router = nn.Linear(DIM, EXPERTS, bias=False)
        layers = (nn.Sequential(nn.Linear(DIM, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIM)) for _ in range(EXPERTS))
        self.experts = nn.ModuleList(layers)

    def forward(self, x):
        chosen = self.router(x).topk(CHOSEN).indices
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows = torch.where((chosen == number).any(-1))[0]
            if len(rows):
                out.index_add_(0, rows, expert(x[rows]))
        return out


def test_experts_that_are_modules_are_told_by_the_tokens_that_they_get():
    torch.manual_seed(0)
    audit = archlab.audit(Looped(), torch.randn(40, DIM))
    expert = 2 * DIM * HIDDEN
    assert audit.macs == 40 * (DIM * EXPERTS + CHOSEN * expert)
    assert audit.active_params == DIM * EXPERTS + CHOSEN * (expert + HIDDEN + DIM)


def test_layers_that_all_see_every_token_are_no_experts():
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    assert archlab.audit(model, torch.ones(5, 8)).active_params is None


def test_other_models_have_no_such_number():
    assert archlab.audit(nn.Linear(8, 8), torch.ones(2, 8)).active_params is None
