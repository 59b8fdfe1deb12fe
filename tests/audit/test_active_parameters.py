"""A mixture of experts: MACs of the routed tokens, and the parameters that one token uses."""

from __future__ import annotations

import torch
from torch import nn

import archlab

DIM, HIDDEN, EXPERTS, CHOSEN = 16, 32, 8, 2


class Experts(nn.Module):
    """Each token goes to the ``CHOSEN`` best of its experts, whose products are grouped."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, DIM)
        self.router = nn.Linear(DIM, EXPERTS, bias=False)
        self.up = nn.Parameter(torch.ones(EXPERTS, HIDDEN, DIM, dtype=torch.bfloat16))
        self.down = nn.Parameter(torch.ones(EXPERTS, DIM, HIDDEN, dtype=torch.bfloat16))

    def forward(self, ids):
        x = self.embed(ids).flatten(0, 1)
        chosen = self.router(x).topk(CHOSEN).indices.flatten()
        order = chosen.argsort()
        rows = x.to(torch.bfloat16).repeat_interleave(CHOSEN, 0)[order]
        ends = torch.nn.functional.one_hot(chosen, EXPERTS).sum(0).cumsum(0).to(torch.int32)
        hidden = torch._grouped_mm(rows, self.up.transpose(-2, -1), offs=ends)
        return torch._grouped_mm(hidden, self.down.transpose(-2, -1), offs=ends)


def test_the_tokens_that_are_routed_are_counted_and_an_experts_share_is_active():
    audit = archlab.audit(Experts(), torch.zeros(4, 10, dtype=torch.long))
    expert = 2 * DIM * HIDDEN
    assert audit.macs == 40 * (DIM * EXPERTS + CHOSEN * expert)
    assert audit.params == 50 * DIM + DIM * EXPERTS + EXPERTS * expert
    assert audit.active_params == 50 * DIM + DIM * EXPERTS + CHOSEN * expert
    assert audit.uncounted == ()


def test_other_models_have_no_such_number():
    assert archlab.audit(nn.Linear(8, 8), torch.ones(2, 8)).active_params is None
