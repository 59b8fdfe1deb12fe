"""Forwards that compute by other ways than calls of layers: transformed, compiled, branching, for gradients."""

from __future__ import annotations

import torch
import torch.utils.checkpoint
from torch import nn

from tests.audit.tracing.trap import Fn, case, linear, ones, weights


@case
def checkpointed():
    model = Fn(lambda self, x: torch.utils.checkpoint.checkpoint(self.a, x, use_reentrant=False), a=linear(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def scripted():
    return torch.jit.script(nn.Sequential(linear(64, 32), nn.ReLU())), (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def vectorised():
    model = Fn(lambda self, x: torch.vmap(lambda row: row @ self.w)(x), w=weights(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def under_inference_mode():
    model = Fn(torch.inference_mode()(lambda self, x: self.a(x) @ self.a.weight), a=linear(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 2 * 8 * 64 * 32


@case
def looks_at_its_values():
    def forward(self, x):
        x = self.a(x)
        return self.b(x) if x.isnan().any() else x

    return Fn(forward, a=linear(64, 64), b=linear(64, 32)), (ones(8, 64),), {}, 64 * 96, 8 * 64 * 64


@case
def takes_a_gradient():
    model = Fn(lambda self, x: torch.autograd.grad(self.a(x).sum(), self.a.weight)[0], a=linear(64, 32))
    # Forward, and the weight's gradient: one product each.
    return model, (ones(8, 64),), {}, 64 * 32, 2 * 8 * 64 * 32


@case
def hands_out_numpy():
    model = Fn(lambda self, x: self.a(x).detach().numpy(), a=linear(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def sizes_in_python():
    model = Fn(lambda self, x: self.a(x[:, : round(x.shape[1] * 0.5)]), a=linear(32, 32))
    return model, (ones(8, 64),), {}, 32 * 32, 8 * 32 * 32


@case
def autocast_by_device():
    def forward(self, x):
        with torch.autocast(device_type=x.device.type, enabled=False):
            return self.a(x)

    return Fn(forward, a=linear(300, 32)), (ones(800, 300),), {}, 9600, 800 * 9600


@case
def compiled():
    return torch.compile(nn.Sequential(linear(64, 32))), (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def branch_as_an_operator():
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: self.a(x), lambda x: x, (x,))

    return Fn(forward, a=linear(8, 8)), (ones(4, 8),), {}, 64, 4 * 64


@case
def yields_its_outputs():
    return Fn(lambda self, x: (self.a(x) for _ in range(3)), a=linear(8, 8)), (ones(4, 8),), {}, 64, 3 * 4 * 64


@case
def hook_that_multiplies():
    model = nn.Sequential(linear(8, 8))
    model[0].register_forward_hook(lambda module, args, out: out @ module.weight)
    return model, (ones(4, 8),), {}, 64, 2 * 4 * 64
