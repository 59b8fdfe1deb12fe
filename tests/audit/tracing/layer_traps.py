"""Layers and products that are easily counted wrongly."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from tests.audit.tracing.trap import Fn, case, linear, ones, weights


@case
def conv_transpose_grouped():
    return (
        nn.ConvTranspose2d(8, 16, 4, 2, 1, bias=False, groups=2),
        (ones(1, 8, 8, 8),),
        {},
        8 * 8 * 16,
        8 * 64 * 8 * 16,
    )


@case
def padding_in_words():
    return nn.Conv2d(8, 8, 3, padding="same", bias=False), (ones(1, 8, 8, 8),), {}, 576, 64 * 576


@case
def padding_circular():
    model = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular", bias=False)
    return model, (ones(1, 8, 8, 8),), {}, 576, 64 * 576


@case
def bilinear():
    return nn.Bilinear(8, 6, 4, bias=False), (ones(3, 8), ones(3, 6)), {}, 192, 3 * 192


@case
def weight_norm():
    return parametrizations.weight_norm(linear(64, 32)), (ones(8, 64),), {}, 64 * 32 + 32, 8 * 64 * 32


@case
def lazy_layers():
    return nn.Sequential(nn.LazyLinear(32, bias=False)), (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def linear_layer():
    return nn.Sequential(linear(64, 128)), (torch.ones(8, 64),), {}, 64 * 128, 8 * 64 * 128


@case
def conv_grouped():
    model = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1, groups=4, bias=False))
    return model, (torch.ones(2, 16, 16, 16),), {}, 32 * 4 * 9, 2 * 256 * 32 * 4 * 9


@case
def einsum_of_three():
    model = Fn(lambda self, a, b, c: torch.einsum("ij,jk,kl->il", a, b, c), w=weights(1))
    # (4x8 · 8x16) · 16x2: 512 + 128, or the other way round 256 + 64; which one ran is in the operators.
    return model, (ones(4, 8), ones(8, 16), ones(16, 2)), {}, 1, None


@case
def tensordot():
    model = Fn(lambda self, x: torch.tensordot(x, self.w, dims=([1, 2], [1, 0])), w=weights(8, 4, 5))
    return model, (ones(3, 4, 8),), {}, 160, 3 * 32 * 5


@case
def unfold_and_multiply():
    model = Fn(lambda self, x: self.w @ F.unfold(x, 3), w=weights(4, 72))
    return model, (ones(1, 8, 6, 6),), {}, 288, 4 * 72 * 16


@case
def sparse_product():
    model = Fn(lambda self, x: torch.sparse.mm(self.sparse, x), w=weights(1), sparse=torch.eye(8).to_sparse())
    return model, (ones(8, 64),), {}, 1, 8 * 64


@case
def tied_by_memory():
    first, second = linear(64, 64), linear(64, 64)
    second.weight = nn.Parameter(first.weight.data)
    return nn.Sequential(first, second), (ones(8, 64),), {}, 64 * 64, 2 * 8 * 64 * 64


@case
def module_called_three_times():
    model = Fn(lambda s, x: s.a(s.a(s.a(x))), a=linear(64, 64))
    return model, (torch.ones(8, 64),), {}, 64 * 64, 3 * 8 * 64 * 64
