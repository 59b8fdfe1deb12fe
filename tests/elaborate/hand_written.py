"""Networks with named values, as text and as torch modules written by hand, the oracle for their counts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

UNET = """net unet(input=3x32x32)
block double(c) = conv(c) -> conv(c)
enc1: double(8)
enc2: maxpool(2) -> double(16)
enc3: maxpool(2) -> double(32)
dec2: upsample(2) -> cat(identity, enc2) -> double(16)
dec1: upsample(2) -> cat(identity, enc1) -> double(8)
mask: conv2d(2, 1, bias=1)
"""
DLA_TEXT = """net dla(input=3x32x32)
block tree(c) = conv(c) as left -> conv(c) as right -> cat(left, right) -> conv(c, 1)
stem: conv(8)
one: tree(16)
two: maxpool(2) as below -> tree(32) -> cat(identity, below) -> conv(32, 1)
head: cat(identity, one -> maxpool(2), stem -> maxpool(2)) -> conv(16, 1) -> gap -> fc(5)
"""
HRNET = """net hrnet(input=3x32x32)
high1: conv(8)
low1: conv(16, s=2)
high2: add(high1 -> conv(8), low1 -> conv(8, 1) -> upsample(2))
low2: add(high1 -> conv(16, s=2), low1 -> conv(16))
head: cat(high2, low2 -> upsample(2)) -> conv(8, 1) -> gap -> fc(5)
"""
RES2NET = """net res2net(input=16x8x8)
block res2(c, w) = residual(conv(4 * w, 1) -> split(identity, conv(w) as y2, add(identity, y2) -> conv(w) as y3,
    add(identity, y3) -> conv(w)) -> conv(c, 1, act=none)) -> relu
body: repeat(2, res2(16, 4))
head: gap -> fc(5)
"""
NB201 = """net nb201(input=3x8x8)
block cell() = identity as n0 -> conv(in, 3) as n1 -> add(n0 -> zero, n1 -> conv(in, 1)) as n2
    -> add(n0, n1 -> avgpool(3, s=1), n2 -> conv(in, 3))
stem: conv(8)
cells: repeat(2, cell)
head: gap -> fc(5)
"""


def conv(i: int, o: int, k: int = 3, s: int = 1, act: bool = True) -> nn.Sequential:
    layers = [nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU()) if act else nn.Sequential(*layers)


def double(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(conv(i, o), conv(o, o))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enc1, self.enc2, self.enc3 = double(3, 8), double(8, 16), double(16, 32)
        self.dec2, self.dec1, self.mask = double(48, 16), double(24, 8), nn.Conv2d(8, 2, 1)
        self.down, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        one = self.enc1(x)
        two = self.enc2(self.down(one))
        x = self.dec2(torch.cat([self.up(self.enc3(self.down(two))), two], 1))
        return self.mask(self.dec1(torch.cat([self.up(x), one], 1)))


class Tree(nn.Module):
    def __init__(self, i: int, c: int) -> None:
        super().__init__()
        self.left, self.right, self.root = conv(i, c), conv(c, c), conv(2 * c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        left = self.left(x)
        return self.root(torch.cat([left, self.right(left)], 1))


class DLA(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.two = conv(3, 8), Tree(8, 16), Tree(16, 32)
        self.join, self.last, self.fc, self.down = conv(48, 32, 1), conv(56, 16, 1), nn.Linear(16, 5), nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        one = self.one(stem)
        below = self.down(one)
        two = self.join(torch.cat([self.two(below), below], 1))
        return self.fc(self.last(torch.cat([two, self.down(one), self.down(stem)], 1)).mean((2, 3)))


class HRNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.high, self.low = conv(3, 8), conv(8, 16, s=2)
        self.hh, self.lh, self.hl, self.ll = conv(8, 8), conv(16, 8, 1), conv(8, 16, s=2), conv(16, 16)
        self.last, self.fc, self.up = conv(24, 8, 1), nn.Linear(8, 5), nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        high = self.high(x)
        low = self.low(high)
        high2, low2 = self.hh(high) + self.up(self.lh(low)), self.hl(high) + self.ll(low)
        return self.fc(self.last(torch.cat([high2, self.up(low2)], 1)).mean((2, 3)))


class Res2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = conv(16, 16, 1), conv(16, 16, 1, act=False)
        self.parts = nn.ModuleList(conv(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        y = list(self.before(x).chunk(4, 1))
        y[1] = self.parts[0](y[1])
        y[2] = self.parts[1](y[2] + y[1])
        y[3] = self.parts[2](y[3] + y[2])
        return torch.relu(self.after(torch.cat(y, 1)) + x)


class Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.pool = conv(8, 8), conv(8, 8, 1), conv(8, 8), nn.AvgPool2d(3, 1, 1)

    def forward(self, n0: Tensor) -> Tensor:
        n1 = self.a(n0)
        return n0 + self.pool(n1) + self.c(self.b(n1))


class Classifier(nn.Module):
    def __init__(self, features: nn.Module, c: int) -> None:
        super().__init__()
        self.features, self.fc = features, nn.Linear(c, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))


def hand_written() -> dict[str, tuple[str, nn.Module]]:
    """Return each network as text and as module."""
    return {
        "unet": (UNET, UNet()),
        "dla": (DLA_TEXT, DLA()),
        "hrnet": (HRNET, HRNet()),
        "res2net": (RES2NET, Classifier(nn.Sequential(Res2(), Res2()), 16)),
        "nb201": (NB201, Classifier(nn.Sequential(conv(3, 8), Cell(), Cell()), 8)),
    }
