"""Small models with attention in them, in the layouts and positions in which models have it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention over the places of a map (N, C, H, W)."""

    def __init__(self, channels: int, heads: int = 2) -> None:
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1), heads

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        q, k, v = self.qkv(x).reshape(n, 3, self.heads, c // self.heads, h * w).unbind(1)
        weights = (q.transpose(-1, -2) @ k).softmax(-1)
        return self.proj((v @ weights.transpose(-1, -2)).reshape(n, c, h, w))


ATTENTION_PARAMS = 3 * 8 * 8 + 3 * 8 + 8 * 8 + 8
"""Of 8 channels: a weight and a bias of 24 outputs, and of 8."""


def attention_macs(places: int) -> int:
    """Two 1x1 convolutions on every place, and two products of all places with all places."""
    return places * (24 * 8 + 8 * 8) + 2 * 8 * places * places


class Tokens(nn.Module):
    """Attention over (N, L, C), by torch's module, which takes three tensors and gives two."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(channels, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attn(x, x, x, need_weights=False)[0]


class Layouts(nn.Module):
    """Maps, channels last and tokens, with something in each that cannot be said."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.attn = Attention(8)
        self.last, self.tokens = Rolled(), Tokens(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.attn(x)
        x = self.last(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(self.tokens(x.flatten(2).transpose(1, 2)).mean(1))


class Rolled(nn.Module):
    """Shifts the rows of (N, H, W, C) around."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.roll(x, 1, 1)


class Around(nn.Module):
    """A stem, and a module of which a test says what it does with the map."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 8, 3, padding=1), inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.stem(x))


class InPlace(nn.Module):
    """Changes its input, and cannot be said."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2).cumsum(1)


class Twice(nn.Module):
    """Runs one module twice."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Attention(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.attn(self.attn(x).relu())


class Bare(nn.Module):
    """Has what cannot be said in itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).cumsum(1)
