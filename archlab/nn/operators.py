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

from archlab.nn.layers import (
    ChannelConv,
    ChannelNorm,
    EdgeAvgPool2d,
    EdgeConv2d,
    EdgeMaxPool2d,
    Factor,
    GroupSoftmax,
    GroupSum,
    Offset,
    Scale,
    Shuffle,
    WSConv2d,
)
from archlab.ops.resizing import edges_of

Attrs = Mapping[str, Any]


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


def _conv(a: Attrs) -> nn.Module:
    into_out = a["in_channels"], a["out_channels"], a["kernel"]
    more = {"stride": a["stride"], "dilation": a["dilation"], "groups": a["groups"], "bias": a["bias"]}
    if "padding_end" in a:
        return EdgeConv2d(*into_out, edges_of(a), **more)
    return nn.Conv2d(*into_out, padding=a["padding"], **more)


def _standardised(a: Attrs) -> nn.Module:
    return WSConv2d(
        a["in_channels"],
        a["out_channels"],
        a["kernel"],
        stride=a["stride"],
        padding=0 if "padding_end" in a else a["padding"],
        dilation=a["dilation"],
        groups=a["groups"],
        bias=a["bias"],
        eps=a["eps"],
        gamma=a.get("gamma"),
        edges=edges_of(a) if "padding_end" in a else (0, 0, 0, 0),
    )


def _transposed(a: Attrs) -> nn.Module:
    return nn.ConvTranspose2d(
        a["in_channels"],
        a["out_channels"],
        a["kernel"],
        stride=a["stride"],
        padding=a["padding"],
        output_padding=a["output_padding"],
        dilation=a["dilation"],
        groups=a["groups"],
        bias=a["bias"],
    )


def _max_pool(a: Attrs) -> nn.Module:
    more = {"dilation": a.get("dilation", 1), "ceil_mode": a["ceil"]}
    if "padding_end" in a:
        return EdgeMaxPool2d(a["kernel"], edges_of(a), a["stride"], **more)
    return nn.MaxPool2d(a["kernel"], a["stride"], a["padding"], **more)


def _mean_pool(a: Attrs) -> nn.Module:
    more = {"ceil_mode": a["ceil"], "count_include_pad": a.get("count_pad", True)}
    if "padding_end" in a:
        return EdgeAvgPool2d(a["kernel"], edges_of(a), a["stride"], **more)
    return nn.AvgPool2d(a["kernel"], a["stride"], a["padding"], **more)


MODULES: dict[str, Callable[[Attrs], nn.Module]] = {
    "conv2d": _conv,
    "wsconv2d": _standardised,
    "conv_transpose": _transposed,
    "channel_conv": lambda a: ChannelConv(a["kernel"]),
    "linear": lambda a: nn.Linear(a["in_features"], a["out_features"], bias=a["bias"]),
    "bn": lambda a: nn.BatchNorm2d(a["channels"], a["eps"], a["momentum"], affine=a.get("affine", True)),
    "gn": lambda a: nn.GroupNorm(a["groups"], a["channels"], a.get("eps", 1e-5)),
    "ln": lambda a: ChannelNorm(a["channels"], eps=a["eps"]),
    "lrn": lambda a: nn.LocalResponseNorm(a["size"], a["alpha"], a["beta"], a["k"]),
    "scale": lambda a: Scale(a["channels"], a["init"]),
    "factor": lambda a: Factor(a["x"]),
    "offset": lambda a: Offset(a["x"]),
    "relu": lambda _: nn.ReLU(),
    "relu6": lambda _: nn.ReLU6(),
    "leaky_relu": lambda a: nn.LeakyReLU(a["slope"]),
    "elu": lambda a: nn.ELU(a.get("alpha", 1.0)),
    "gelu": lambda a: nn.GELU(a.get("approximate", "none")),
    "silu": lambda _: nn.SiLU(),
    "mish": lambda _: nn.Mish(),
    "hardswish": lambda _: nn.Hardswish(),
    "sigmoid": lambda _: nn.Sigmoid(),
    "hardsigmoid": lambda _: nn.Hardsigmoid(),
    "tanh": lambda _: nn.Tanh(),
    "hardtanh": lambda a: nn.Hardtanh(a["lo"], a["hi"]),
    "prelu": lambda a: nn.PReLU(1 if a.get("shared") else a["channels"]),
    "softmax": lambda a: GroupSoftmax(a["groups"]),
    "group_sum": lambda a: GroupSum(a["groups"]),
    "maxpool": _max_pool,
    "avgpool": _mean_pool,
    # Not a mean over the map: fvcore counts the adaptive pooling.
    "gap": lambda _: nn.AdaptiveAvgPool2d(1),
    "gmp": lambda _: nn.AdaptiveMaxPool2d(1),
    "adaptive_avgpool": lambda a: nn.AdaptiveAvgPool2d(a["size"]),
    "pad2d": lambda a: nn.ZeroPad2d((a["left"], a["right"], a["top"], a["bottom"])),
    "upsample": lambda a: nn.Upsample(
        scale_factor=a["scale"], mode=a.get("mode", "nearest"), align_corners=a.get("align")
    ),
    "resize": lambda a: nn.Upsample(a["size"], mode=a.get("mode", "nearest"), align_corners=a.get("align")),
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
    "sub": lambda graph, x, _: _fold(operator.sub, graph, x),
    "mul": lambda graph, x, _: _fold(operator.mul, graph, x),
    "cat": lambda graph, x, _: graph.call_function(torch.cat, (list(x), 1)),
}
"""Operators on tensors: their calls appended to an fx graph."""
