"""The operators in torch: one builder for every row of ``archlab.ops.OPS``.

An operator that fvcore counts or that holds state is a module, so that hooks, fvcore and the state dict know it by its
node's path; one that slices or joins is a function on tensors. None works in place: the values that a graph shares stay
as they are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

Attrs = Mapping[str, Any]


class Shuffle(nn.Module):
    """Channel shuffle, (N, g·n, H, W) to (N, n·g, H, W) (arXiv:1707.01083, section 3.1).

    Of view, transpose and reshape, which every exporter knows; torch's ChannelShuffle
    is one operator of its own, which fvcore and ONNX do not.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y = x.reshape(n, self.groups, c // self.groups, h, w)
        return y.transpose(1, 2).reshape(n, c, h, w)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels at every position of a map (arXiv:2201.03545)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class UpsampleLike(nn.Module):
    """The first map at the height and width of the second, by the nearest pixel (arXiv:1612.03144)."""

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return functional.interpolate(x, size=like.shape[-2:], mode="nearest")


class RoIs(nn.Module):
    """RoI align or pooling of each box on the level of a pyramid that suits its size (arXiv:1612.03144, equation 1).

    Takes the levels' maps (N, C, H, W), the finest first, and behind them boxes in pixels of the image: (K, 5) rows of
    the image's index and x1, y1, x2, y2, or a list of one (L, 4) tensor per image. Gives (K, C, P, Q).
    """

    def __init__(self, attrs: Attrs, mode: str) -> None:
        super().__init__()
        self.attrs = dict(attrs)
        self.mode = mode

    def forward(self, *inputs: Any) -> Tensor:
        from archlab.roi import multiscale_roi_align  # half a second, which a network without boxes need not spend

        *maps, boxes = inputs
        a = self.attrs
        return multiscale_roi_align(
            maps,
            boxes,
            a["size"],
            a["strides"],
            a.get("sampling", -1),
            a.get("aligned", False),
            self.mode,
            canonical_scale=a["canonical"],
        )

    def extra_repr(self) -> str:
        return f"size={self.attrs['size']}, strides={self.attrs['strides']}, mode={self.mode!r}"


class Scale(nn.Module):
    """A learned factor for each channel of a map (layer scale, arXiv:2103.17239)."""

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.init = init
        self.weight = nn.Parameter(torch.full((channels, 1, 1), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def _conv(a: Attrs) -> nn.Module:
    return nn.Conv2d(
        a["in_channels"],
        a["out_channels"],
        a["kernel"],
        stride=a["stride"],
        padding=a["padding"],
        dilation=a["dilation"],
        groups=a["groups"],
        bias=a["bias"],
    )


MODULES: dict[str, Callable[[Attrs], nn.Module]] = {
    "conv2d": _conv,
    "linear": lambda a: nn.Linear(a["in_features"], a["out_features"], bias=a["bias"]),
    "bn": lambda a: nn.BatchNorm2d(a["channels"], eps=a["eps"], momentum=a["momentum"]),
    "gn": lambda a: nn.GroupNorm(a["groups"], a["channels"]),
    "ln": lambda a: ChannelNorm(a["channels"], eps=a["eps"]),
    "lrn": lambda a: nn.LocalResponseNorm(a["size"], a["alpha"], a["beta"], a["k"]),
    "scale": lambda a: Scale(a["channels"], a["init"]),
    "relu": lambda _: nn.ReLU(),
    "relu6": lambda _: nn.ReLU6(),
    "leaky_relu": lambda a: nn.LeakyReLU(a["slope"]),
    "elu": lambda _: nn.ELU(),
    "gelu": lambda _: nn.GELU(),
    "silu": lambda _: nn.SiLU(),
    "mish": lambda _: nn.Mish(),
    "hardswish": lambda _: nn.Hardswish(),
    "sigmoid": lambda _: nn.Sigmoid(),
    "hardsigmoid": lambda _: nn.Hardsigmoid(),
    "tanh": lambda _: nn.Tanh(),
    "prelu": lambda a: nn.PReLU(a["channels"]),
    "maxpool": lambda a: nn.MaxPool2d(a["kernel"], a["stride"], a["padding"], ceil_mode=a["ceil"]),
    "avgpool": lambda a: nn.AvgPool2d(a["kernel"], a["stride"], a["padding"], ceil_mode=a["ceil"]),
    # Not a mean over the map: fvcore counts the adaptive pooling.
    "gap": lambda _: nn.AdaptiveAvgPool2d(1),
    "adaptive_avgpool": lambda a: nn.AdaptiveAvgPool2d(a["size"]),
    "upsample": lambda a: nn.Upsample(scale_factor=a["scale"], mode="nearest"),
    "upsample_like": lambda _: UpsampleLike(),
    "roi_align": lambda a: RoIs(a, "avg"),
    "roi_pool": lambda a: RoIs(a, "caffe"),
    "flatten": lambda _: nn.Flatten(1),
    "dropout": lambda a: nn.Dropout(a["p"]),
    "shuffle": lambda a: Shuffle(a["groups"]),
}
"""A node's attributes to its module."""


def _slice(graph: fx.Graph, x: Sequence[fx.Node], a: Attrs) -> fx.Node:
    return graph.call_function(operator.getitem, (x[0], (slice(None), slice(a["start"], a["stop"]))))


def _fold(function: Callable[..., Any], graph: fx.Graph, x: Sequence[fx.Node]) -> fx.Node:
    """``function`` over the inputs, two at a time."""
    total = x[0]
    for term in x[1:]:
        total = graph.call_function(function, (total, term))
    return total


FUNCTIONS: dict[str, Callable[[fx.Graph, Sequence[fx.Node], Attrs], fx.Node]] = {
    "slice": _slice,
    "add": lambda graph, x, _: _fold(operator.add, graph, x),
    "mul": lambda graph, x, _: _fold(operator.mul, graph, x),
    "cat": lambda graph, x, _: graph.call_function(torch.cat, (list(x), 1)),
}
"""Operators on tensors: their calls appended to an fx graph."""
