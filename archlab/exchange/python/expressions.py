"""Operators as Python expressions: constructors of torch's modules, and functions of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.ir import Node
from archlab.nn.operators import ChannelNorm, Scale, Shuffle

Value = int | float | bool | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A parameter in the place of a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a constructor; ``default`` is what it need not be told. Positional where ``name`` is not shown."""

    name: str
    value: Value | Named
    default: Value | None = None
    positional: bool = False


@dataclass(frozen=True, slots=True)
class Construct:
    """A module as it is constructed: ``callee(arguments)``, or a container of named parts."""

    callee: str
    arguments: tuple[Argument, ...] = ()
    parts: tuple[tuple[str, Construct], ...] = ()


def _conv(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("in_channels", a["in_channels"], positional=True),
        Argument("out_channels", a["out_channels"], positional=True),
        Argument("kernel_size", _tidy(a["kernel"]), positional=True),
        Argument("stride", _tidy(a["stride"]), 1),
        Argument("padding", _tidy(a["padding"]), 0),
        Argument("dilation", _tidy(a["dilation"]), 1),
        Argument("groups", a["groups"], 1),
        Argument("bias", a["bias"], True),
    )


def _pool(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("kernel_size", _tidy(a["kernel"]), positional=True),
        Argument("stride", _tidy(a["stride"])),
        Argument("padding", _tidy(a["padding"]), 0),
        Argument("ceil_mode", a["ceil"], False),
    )


def _tidy(value: tuple[int, int]) -> Value:
    return value[0] if value[0] == value[1] else value


def _channels(*more: tuple[str, str, Value]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    """The channels, and behind them arguments (torch's name, the attribute, torch's default)."""
    return lambda a: (
        Argument("channels", a["channels"], positional=True),
        *(Argument(name, a[key], default) for name, key, default in more),
    )


def _fixed(*arguments: tuple[str, str]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    return lambda a: tuple(Argument(name, a[key], positional=True) for name, key in arguments)


Arguments = Callable[[Mapping[str, Any]], tuple[Argument, ...]]

CONSTRUCTORS: dict[str, tuple[str, Arguments]] = {
    "conv2d": ("nn.Conv2d", _conv),
    "linear": (
        "nn.Linear",
        lambda a: (
            Argument("in_features", a["in_features"], positional=True),
            Argument("out_features", a["out_features"], positional=True),
            Argument("bias", a["bias"], True),
        ),
    ),
    "bn": ("nn.BatchNorm2d", _channels(("eps", "eps", 1e-5), ("momentum", "momentum", 0.1))),
    "gn": ("nn.GroupNorm", _fixed(("num_groups", "groups"), ("channels", "channels"))),
    "ln": ("ChannelNorm", _channels(("eps", "eps", 1e-5))),
    "lrn": ("nn.LocalResponseNorm", _fixed(("size", "size"), ("alpha", "alpha"), ("beta", "beta"), ("k", "k"))),
    "scale": ("Scale", _fixed(("channels", "channels"), ("init", "init"))),
    "relu": ("nn.ReLU", _fixed()),
    "relu6": ("nn.ReLU6", _fixed()),
    "leaky_relu": ("nn.LeakyReLU", _fixed(("negative_slope", "slope"))),
    "elu": ("nn.ELU", _fixed()),
    "gelu": ("nn.GELU", _fixed()),
    "silu": ("nn.SiLU", _fixed()),
    "mish": ("nn.Mish", _fixed()),
    "hardswish": ("nn.Hardswish", _fixed()),
    "sigmoid": ("nn.Sigmoid", _fixed()),
    "hardsigmoid": ("nn.Hardsigmoid", _fixed()),
    "tanh": ("nn.Tanh", _fixed()),
    "prelu": ("nn.PReLU", _channels()),
    "maxpool": ("nn.MaxPool2d", _pool),
    "avgpool": ("nn.AvgPool2d", _pool),
    "gap": ("nn.AdaptiveAvgPool2d", lambda a: (Argument("output_size", 1, positional=True),)),
    "adaptive_avgpool": (
        "nn.AdaptiveAvgPool2d",
        lambda a: (Argument("output_size", _tidy(a["size"]), positional=True),),
    ),
    "upsample": ("nn.Upsample", lambda a: (Argument("scale_factor", a["scale"]),)),
    "flatten": ("nn.Flatten", _fixed()),
    "dropout": ("nn.Dropout", _fixed(("p", "p"))),
    "shuffle": ("Shuffle", _fixed(("groups", "groups"))),
}
"""How torch's module of an operator is constructed, for every row of ``archlab.nn.operators.MODULES``."""

HELPERS = {"ChannelNorm": ChannelNorm, "Scale": Scale, "Shuffle": Shuffle}
"""Modules that torch lacks, whose source goes with what uses them."""


def constructor(node: Node) -> Construct:
    """How the module of ``node`` is constructed."""
    callee, arguments = CONSTRUCTORS[node.op]
    return Construct(callee, arguments(node.attrs))


def function(node: Node, x: Sequence[str], channels: int) -> str:
    """The expression of an operator on tensors, of the variables ``x``, the first of which has ``channels``."""
    match node.op:
        case "slice":
            start, stop = node.attrs["start"], node.attrs["stop"]
            n, rest = divmod(channels, stop - start)
            even = rest == 0 and start % (stop - start) == 0
            return f"{x[0]}.chunk({n}, 1)[{start // (stop - start)}]" if even else f"{x[0]}[:, {start}:{stop}]"
        case "cat":
            return f"torch.cat([{', '.join(x)}], 1)"
        case "add":
            return " + ".join(x)
        case _:
            return " * ".join(x)
