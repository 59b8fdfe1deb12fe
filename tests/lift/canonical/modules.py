"""Small models, each with one way of writing something that the language says otherwise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Of(nn.Module):
    """A model whose forward is a function of its layers and the input."""

    def __init__(self, forward: Callable[[nn.Module, Tensor], Tensor], **layers: nn.Module | Tensor) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(self, x)


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape))


def last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def shuffled(x: Tensor, groups: int) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


def tokens(m: nn.Module, x: Tensor) -> Tensor:
    y = x.flatten(2).transpose(1, 2)
    y = y + m.fc(m.norm(y))
    return y.transpose(1, 2).reshape(x.shape)


def squeezed(m: nn.Module, x: Tensor) -> Tensor:
    n, c, _, _ = x.shape
    gate = m.up(torch.relu(m.down(x.mean((2, 3))))).sigmoid().view(n, c, 1, 1)
    return x * gate.expand_as(x)


def selected(m: nn.Module, x: Tensor) -> Tensor:
    branches = torch.stack([m.a(x), m.b(x)], dim=1)
    total = branches.sum(1).mean((2, 3), keepdim=True)
    weight = m.gate(total).view(x.shape[0], 2, 6, 1, 1).softmax(1)
    return (branches * weight).sum(1)


def channel_attention(m: nn.Module, x: Tensor) -> Tensor:
    y = m.conv(x.mean((2, 3)).view(x.shape[0], 1, -1)).sigmoid()
    return x * y.view(x.shape[0], -1, 1, 1)


def per_channel(m: nn.Module, x: Tensor) -> Tensor:
    scaled = [x[:, i].unsqueeze(1) * (0.5 + i) + (i - 1) * 0.25 for i in range(3)]
    return torch.cat(scaled, 1)


def tensorflow(m: nn.Module, x: Tensor) -> Tensor:
    return m.conv(functional.pad(x, (0, 1, 0, 1)))


def in_place(m: nn.Module, x: Tensor) -> Tensor:
    y = m.conv(x)
    y += x
    return functional.relu_(y).mul_(2)


CASES: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "channels last": (
        lambda: Of(lambda m, x: first(m.fc(m.norm(last(x))).relu()), norm=nn.LayerNorm(6), fc=nn.Linear(6, 9)),
        ["ln", "conv2d", "relu"],
    ),
    "shuffle": (lambda: Of(lambda m, x: shuffled(x, 3)), ["shuffle"]),
    "a weighted difference the other way": (
        lambda: Of(lambda m, x: torch.rsub(x, x.relu(), alpha=0.5)),
        ["relu", "factor", "add"],
    ),
    "channel_shuffle": (lambda: nn.ChannelShuffle(2), ["shuffle"]),
    "tokens": (lambda: Of(tokens, norm=nn.LayerNorm(6), fc=nn.Linear(6, 6)), ["ln", "conv2d", "add"]),
    "squeezed by linear layers": (
        lambda: Of(squeezed, down=nn.Linear(6, 2), up=nn.Linear(2, 6)),
        ["gap", "conv2d", "relu", "conv2d", "sigmoid", "mul"],
    ),
    "select kernel": (
        lambda: Of(selected, a=nn.Conv2d(6, 6, 3, padding=1), b=nn.Conv2d(6, 6, 1), gate=nn.Conv2d(6, 12, 1)),
        ["conv2d", "conv2d", "cat", "group_sum", "gap", "conv2d", "softmax", "mul", "group_sum"],
    ),
    "efficient channel attention": (
        lambda: Of(channel_attention, conv=nn.Conv1d(1, 1, 3, padding=1, bias=False)),
        ["gap", "channel_conv", "sigmoid", "mul"],
    ),
    "layer scale": (lambda: Of(lambda m, x: x + m.gamma * x, gamma=parameter(6, 1, 1)), ["scale", "add"]),
    "layer scale, channels last": (lambda: Of(lambda m, x: first(last(x) * m.g), g=parameter(6)), ["scale"]),
    "TensorFlow's padding": (lambda: Of(tensorflow, conv=nn.Conv2d(6, 8, 3, stride=2)), ["conv2d"]),
    "padding into the convolution": (
        lambda: nn.Sequential(nn.ZeroPad2d(2), nn.Conv2d(6, 8, 5, padding=1)),
        ["conv2d"],
    ),
    "padding of its own": (lambda: nn.Sequential(nn.ZeroPad2d((1, 2, 0, 3)), nn.ReLU()), ["pad2d", "relu"]),
    "padding that never wins": (
        lambda: Of(lambda m, x: functional.max_pool2d(functional.pad(x, (1, 1, 1, 1), value=-torch.inf), 3, 2)),
        ["maxpool"],
    ),
    "padding by name": (lambda: nn.Conv2d(6, 8, (3, 5), padding="same", dilation=(1, 2)), ["conv2d"]),
    "in place": (lambda: Of(in_place, conv=nn.Conv2d(6, 6, 1)), ["conv2d", "add", "relu", "factor"]),
    "numbers": (
        lambda: Of(lambda m, x: (0 + x * 1) * 2 + (1 - x / 4) - 3),
        ["factor", "factor", "factor", "offset", "add", "offset"],
    ),
    "clipped": (
        lambda: Of(lambda m, x: x.clamp(min=0) + functional.hardtanh(x, 0, 6) + x.clamp(-2, 3)),
        ["relu", "relu6", "add", "hardtanh", "add"],
    ),
    "chunks": (lambda: Of(lambda m, x: torch.cat(x.chunk(2, 1)[::-1], 1)), ["slice", "slice", "cat"]),
    "slices": (lambda: Of(lambda m, x: x[:, 1:3] - x[:, -2:]), ["slice", "slice", "sub"]),
    "pooled": (
        lambda: Of(lambda m, x: x * x.amax((2, 3), keepdim=True) + functional.adaptive_avg_pool2d(x, (1, None))),
        ["gmp", "mul", "adaptive_avgpool", "add"],
    ),
    "pooling leaves padding out": (
        lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        ["avgpool"],
    ),
    "dilated pooling": (lambda: nn.MaxPool2d(3, 1, dilation=2), ["maxpool"]),
    "upsampled": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Upsample(size=(20, 17), mode="bilinear")),
        ["upsample", "resize"],
    ),
    "transposed convolution": (
        lambda: nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
        ["conv_transpose"],
    ),
    "slopes": (
        lambda: nn.Sequential(nn.PReLU(), nn.PReLU(6), nn.LeakyReLU(0.2), nn.ELU(0.5)),
        ["prelu", "prelu", "leaky_relu", "elu"],
    ),
    "norms": (
        lambda: nn.Sequential(nn.BatchNorm2d(6, affine=False), nn.GroupNorm(3, 6, eps=1e-3), nn.LocalResponseNorm(3)),
        ["bn", "gn", "lrn"],
    ),
    "dropout stays": (lambda: nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Flatten()), ["dropout", "flatten"]),
    "each channel by itself": (
        lambda: nn.Sequential(nn.Conv2d(6, 3, 1), Of(per_channel)),
        ["conv2d", "slice", "factor", "offset", "slice", "factor", "slice", "factor", "offset", "cat"],
    ),
    "flattened as TensorFlow does": (
        lambda: Of(lambda m, x: m.fc(last(m.conv(x)).flatten(1)),
                   conv=nn.Conv2d(6, 4, (3, 5)), fc=nn.Linear(96, 5)),
        ["conv2d", "flatten", "linear"],
    ),
    "flattened as Caffe does": (
        lambda: Of(lambda m, x: m.slope(m.fc(m.conv(x).permute(0, 3, 2, 1).flatten(1))),
                   conv=nn.Conv2d(6, 4, (3, 5)), fc=nn.Linear(96, 5), slope=nn.PReLU(5)),
        ["conv2d", "flatten", "linear", "prelu"],
    ),
    "slopes of features": (
        lambda: nn.Sequential(nn.Flatten(), nn.PReLU(384), nn.Linear(384, 5), nn.PReLU(5)),
        ["flatten", "prelu", "linear", "prelu"],
    ),
    "features": (
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5), nn.LayerNorm(5)),
        ["adaptive_avgpool", "flatten", "linear", "ln"],
    ),
}  # fmt: skip
"""A model of 6x8x8 images and the operators that it is in the language."""
