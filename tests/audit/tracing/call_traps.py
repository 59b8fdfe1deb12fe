"""What a model is given, gives back and does to itself."""

from __future__ import annotations

import torch
from torch import nn

from tests.audit.tracing.trap import Fn, case, linear, ones


@case
def nested_inputs():
    model = Fn(lambda self, batch, flag: self.a(batch["x"][0]) if flag else None, a=linear(64, 32))
    return model, (), {"batch": {"x": [ones(8, 64)]}, "flag": True}, 64 * 32, 8 * 64 * 32


@case
def keyword_arguments_only():
    model = Fn(lambda s, *, x, y: s.a(x) + s.a(y), a=linear(64, 64))
    return model, (), {"x": torch.ones(8, 64), "y": torch.ones(8, 64)}, 64 * 64, 2 * 8 * 64 * 64


@case
def dictionary_as_output():
    model = Fn(lambda s, x: {"out": s.a(x), "aux": [x]}, a=linear(64, 64))
    return model, (torch.ones(8, 64),), {}, 64 * 64, 8 * 64 * 64


@case
def alters_itself():
    def forward(self, x):
        self.calls += 1
        self.seen.append(x)
        self.table["k"].append(self.calls)
        self.count += 1
        self.last = x
        self.new = 3
        self.a.weight.requires_grad_(False)
        self.a.weight.data.mul_(2)
        torch.rand(1)
        return self.drop(self.bn(self.a(x)))

    model = Fn(
        forward,
        calls=0,
        seen=[],
        table={"k": [0]},
        last=None,
        a=linear(8, 8),
        bn=nn.BatchNorm1d(8),
        drop=nn.Dropout(),
    )
    model.register_buffer("count", torch.zeros(3))
    return model, (ones(4, 8),), {}, 64 + 16, 4 * 64
