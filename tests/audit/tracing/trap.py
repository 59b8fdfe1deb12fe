"""A trap: a small model whose parameters and MACs are known by hand, () -> (model, args, kwargs, params, macs)."""

from __future__ import annotations

import torch
from torch import nn

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


class Fn(nn.Module):
    """A module whose forward is the given function of (self, *args, **kwargs)."""

    def __init__(self, function, **attributes):
        super().__init__()
        self.function = function
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


def weights(*shape):
    return nn.Parameter(torch.ones(*shape))


def linear(n, m):
    return nn.Linear(n, m, bias=False)


ones = torch.ones
