"""Layers that torch lacks, each complete in itself: its source goes with a network that is exported as Python.

Edges are what stands around a map: zeros to the left, to the right, above and below, in the order of torch's pad.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
    """Layer norm over the channels at every position of a map, or over features (arXiv:2201.03545)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Scale(nn.Module):
    """A learned factor for each channel of a map (layer scale, arXiv:2103.17239)."""

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.init = init
        self.weight = nn.Parameter(torch.full((channels, 1, 1), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Factor(nn.Module):
    """A product with a number."""

    def __init__(self, x: float) -> None:
        super().__init__()
        self.x = x

    def forward(self, x: Tensor) -> Tensor:
        return x * self.x

    def extra_repr(self) -> str:
        return str(self.x)


class Offset(nn.Module):
    """A sum with a number."""

    def __init__(self, x: float) -> None:
        super().__init__()
        self.x = x

    def forward(self, x: Tensor) -> Tensor:
        return x + self.x

    def extra_repr(self) -> str:
        return str(self.x)


class GroupSoftmax(nn.Module):
    """Softmax over g groups of the channels against each other, (N, g·n, …) (arXiv:1903.06586)."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.grouped = nn.Unflatten(1, (groups, -1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.grouped(x)
        return y.softmax(1).flatten(1, 2)


class GroupSum(nn.Module):
    """The sum of g groups of the channels, (N, g·n, …) to (N, n, …)."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.grouped = nn.Unflatten(1, (groups, -1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.grouped(x)
        return y.sum(1)


class ChannelConv(nn.Conv1d):
    """One filter over the channels of a 1x1 map, which stay as many (ECA, arXiv:1910.03151)."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__(1, 1, kernel_size, padding=(kernel_size - 1) // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(x.shape[0], 1, x.shape[1])).reshape(x.shape)


class EdgeConv2d(nn.Conv2d):
    """A convolution whose zero padding differs between the sides: ``edges`` left, right, above, below."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        edges: tuple[int, int, int, int],
        stride: int | tuple[int, int] = 1,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        sizes = in_channels, out_channels, kernel_size
        super().__init__(*sizes, stride, 0, dilation, groups, bias)
        self.edges = edges

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padded = nn.functional.pad(x, self.edges)
        y: Tensor = super()._conv_forward(padded, weight, bias)
        return y


class WSConv2d(nn.Conv2d):
    """A convolution with standardised filters, as timm's StdConv2d; with ``gamma`` as its ScaledStdConv2d.

    Each filter is brought to mean 0 and variance 1 (arXiv:1903.10520). With ``gamma`` there is a learned ``gain`` for
    each, times gamma over the root of the fan-in (arXiv:2101.08692). ``edges`` are padding that differs between sides.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        eps: float = 1e-6,
        gamma: float | None = None,
        edges: tuple[int, int, int, int] = (0, 0, 0, 0),
    ) -> None:
        sizes = in_channels, out_channels, kernel_size
        super().__init__(*sizes, stride, padding, dilation, groups, bias)
        self.eps = eps
        self.edges = edges
        self.gain: nn.Parameter | None = None
        if gamma is not None:
            self.factor = gamma * self.weight[0].numel() ** -0.5
            self.gain = nn.Parameter(torch.ones(out_channels, 1, 1, 1))

    def standardised(self) -> Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        gain = None if self.gain is None else (self.gain * self.factor).view(-1)
        norm = nn.functional.batch_norm
        normed = norm(rows, None, None, gain, training=True, momentum=0.0, eps=self.eps)
        return normed.reshape_as(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.standardised(), self.bias)

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padded = nn.functional.pad(x, self.edges) if any(self.edges) else x
        y: Tensor = super()._conv_forward(padded, weight, bias)
        return y


class EdgeMaxPool2d(nn.MaxPool2d):
    """Max pooling whose padding, which never wins, differs between the sides: ``edges`` left, right, above, below."""

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        edges: tuple[int, int, int, int],
        stride: int | tuple[int, int],
        dilation: int | tuple[int, int] = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, dilation=dilation, ceil_mode=ceil_mode)
        self.edges = edges

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(nn.functional.pad(x, self.edges, value=-torch.inf))
        return y


class EdgeAvgPool2d(nn.AvgPool2d):
    """Average pooling whose zero padding differs between the sides: ``edges`` left, right, above, below."""

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        edges: tuple[int, int, int, int],
        stride: int | tuple[int, int],
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, 0, ceil_mode, count_include_pad)
        self.edges = edges

    def forward(self, x: Tensor) -> Tensor:
        mean = super().forward(nn.functional.pad(x, self.edges))
        if self.count_include_pad:
            return mean
        ones = nn.functional.pad(torch.ones_like(x[:1, :1]), self.edges)
        return mean / super().forward(ones)
