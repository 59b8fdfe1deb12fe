"""Torch's modules as Python constructs them: a callee and its arguments, of which defaults need not be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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


def convolution_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("in_channels", a["in_channels"], positional=True),
        Argument("out_channels", a["out_channels"], positional=True),
        Argument("kernel_size", tidy(a["kernel"]), positional=True),
        Argument("stride", tidy(a["stride"]), 1),
        Argument("padding", tidy(a["padding"]), 0),
        Argument("dilation", tidy(a["dilation"]), 1),
        Argument("groups", a["groups"], 1),
        Argument("bias", a["bias"], True),
    )


def linear_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("in_features", a["in_features"], positional=True),
        Argument("out_features", a["out_features"], positional=True),
        Argument("bias", a["bias"], True),
    )


def pooling_arguments(a: Mapping[str, Any]) -> tuple[Argument, ...]:
    return (
        Argument("kernel_size", tidy(a["kernel"]), positional=True),
        Argument("stride", tidy(a["stride"])),
        Argument("padding", tidy(a["padding"]), 0),
        Argument("ceil_mode", a["ceil"], False),
    )


def tidy(value: tuple[int, int]) -> Value:
    return value[0] if value[0] == value[1] else value


def channels_first(*more: tuple[str, str, Value]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    """Return the channels, and behind them arguments (torch's name, the attribute, torch's default)."""
    return lambda a: (
        Argument("channels", a["channels"], positional=True),
        *(Argument(name, a[key], default) for name, key, default in more),
    )


def in_order(*arguments: tuple[str, str]) -> Callable[[Mapping[str, Any]], tuple[Argument, ...]]:
    return lambda a: tuple(Argument(name, a[key], positional=True) for name, key in arguments)


Arguments = Callable[[Mapping[str, Any]], tuple[Argument, ...]]
