"""Torch's modules as Python constructs them: a callee and its arguments, of which defaults need not be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archlab.ops.resizing import edges_of

Value = int | float | bool | str | tuple[int, ...]


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


def convolution_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        *_sizes(a),
        *([_edges(a)] if "padding_end" in a else []),
        Argument("stride", tidy(a["stride"]), 1),
        *([] if "padding_end" in a else [Argument("padding", tidy(a["padding"]), 0)]),
        *_last(a),
    )


def standardised_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    uneven = "padding_end" in a
    return (
        *_sizes(a),
        Argument("stride", tidy(a["stride"]), 1),
        *([] if uneven else [Argument("padding", tidy(a["padding"]), 0)]),
        *_last(a),
        Argument("eps", a["eps"], 1e-6),
        *([Argument("gamma", a["gamma"])] if "gamma" in a else []),
        *([_edges(a)] if uneven else []),
    )


def transposed_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        *_sizes(a),
        Argument("stride", tidy(a["stride"]), 1),
        Argument("padding", tidy(a["padding"]), 0),
        Argument("output_padding", tidy(a["output_padding"]), 0),
        *_last(a),
    )


def _sizes(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("in_channels", a["in_channels"], positional=True),
        Argument("out_channels", a["out_channels"], positional=True),
        Argument("kernel_size", tidy(a["kernel"]), positional=True),
    )


def _last(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("dilation", tidy(a["dilation"]), 1),
        Argument("groups", a["groups"], 1),
        Argument("bias", a["bias"], True),
    )


def _edges(a: Mapping[str, Any]) -> Argument:
    return Argument("edges", edges_of(a))


def linear_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("in_features", a["in_features"], positional=True),
        Argument("out_features", a["out_features"], positional=True),
        Argument("bias", a["bias"], True),
    )


def max_pool_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (*_pooling(a), Argument("dilation", tidy(a.get("dilation", (1, 1))), 1), *_ceil(a))


def mean_pool_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (*_pooling(a), *_ceil(a), Argument("count_include_pad", a.get("count_pad", True), True))


def _pooling(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    uneven = "padding_end" in a
    return (
        Argument("kernel_size", tidy(a["kernel"]), positional=True),
        *([_edges(a)] if uneven else []),
        Argument("stride", tidy(a["stride"])),
        *([] if uneven else [Argument("padding", tidy(a["padding"]), 0)]),
    )


def _ceil(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (Argument("ceil_mode", a["ceil"], False),)


def pad_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (Argument("padding", (a["left"], a["right"], a["top"], a["bottom"]), positional=True),)


def upsample_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    target = Argument("scale_factor", a["scale"]) if "scale" in a else Argument("size", a["size"])
    modes = (Argument("mode", a["mode"]), Argument("align_corners", a["align"])) if "mode" in a else ()
    return (target, *modes)


def tidy(value: tuple[int, int]) -> Value:
    return value[0] if value[0] == value[1] else value


def channels_first(*more: tuple[str, str, Value]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    """Return the channels, and behind them arguments (torch's name, the attribute, torch's default)."""
    return lambda a: (
        Argument("channels", a["channels"], positional=True),
        *(Argument(name, a.get(key, default), default) for name, key, default in more),
    )


def in_order(*arguments: tuple[str, str]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    return lambda a: tuple(Argument(name, a[key], positional=True) for name, key in arguments)


def with_defaults(*arguments: tuple[str, str, Value]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    """Return arguments (torch's name, the attribute, torch's default) of which a node may lack those at the default."""
    return lambda a: tuple(Argument(name, a.get(key, default), default) for name, key, default in arguments)


Arguments = Callable[[Mapping[str, Any]], tuple[Argument, ...]]
