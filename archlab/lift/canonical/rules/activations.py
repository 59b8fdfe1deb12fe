"""Activations and dropout: each element by itself, whatever the layout."""

from __future__ import annotations

import math
from typing import Any

from archlab.lift.canonical.builder import Builder
from archlab.lift.canonical.rules.rule import Rule, Use, number, weight
from archlab.lift.canonical.values import Operand, UnsayableError


def activation(name: str) -> Rule:
    """Return the rule of an operator that is an activation of the language without arguments."""

    def rule(use: Use, build: Builder) -> Operand:
        return _on(use, build, name)

    return rule


def _on(use: Use, build: Builder, name: str, args: dict[str, Any] | None = None) -> Operand:
    x = build.plain(use.x)
    return build.value(build.add(name, [x.step], args), x.axes)


def gelu(use: Use, build: Builder) -> Operand:
    approximate = use["approximate"]
    return _on(use, build, "gelu", {} if approximate == "none" else {"approximate": approximate})


def leaky_relu(use: Use, build: Builder) -> Operand:
    return _on(use, build, "leaky_relu", {"slope": use["negative_slope"]})


def elu(use: Use, build: Builder) -> Operand:
    if use["scale"] != 1 or use["input_scale"] != 1:
        raise UnsayableError("its scales are not 1")
    return _on(use, build, "elu", {} if use["alpha"] == 1 else {"alpha": use["alpha"]})


def hardtanh(use: Use, build: Builder) -> Operand:
    return _clipped(use, build, use["min_val"], use["max_val"])


def clamp(use: Use, build: Builder) -> Operand:
    return _clipped(use, build, use["min"], use["max"])


def _clipped(use: Use, build: Builder, low: Any, high: Any) -> Operand:
    if number(low) == 0 and (high is None or high == math.inf):
        return _on(use, build, "relu")
    if number(low) is None or number(high) is None:
        raise UnsayableError(f"its limits are {low} and {high}")
    if (low, high) == (0, 6):
        return _on(use, build, "relu6")
    return _on(use, build, "hardtanh", {"lo": low, "hi": high})


def prelu(use: Use, build: Builder) -> Operand:
    """One slope for each channel or feature, or one for all."""
    slope = weight(use["weight"], "weight")
    x = build.plain(use.x)
    shared = math.prod(slope.shape) == 1 != build.shape_of(x.step)[0]
    if not shared:
        x = build.value(build.features(x)) if len(x.axes) == 2 else build.map(x)
    return build.value(build.add("prelu", [x.step], {"shared": 1} if shared else {}, weight=slope), x.axes)


def dropout(use: Use, build: Builder) -> Operand:
    """It stays in the text, though evaluation passes it by."""
    if not use["p"] or use["train"]:
        if use["train"]:
            raise UnsayableError("it drops in evaluation mode too")
        return use.x
    return _on(use, build, "dropout", {"p": use["p"]})


def passed_by(use: Use, _: Builder) -> Operand:
    """What changes no value: a copy, a check, a dropout of whole channels in evaluation mode."""
    if use["train"]:
        raise UnsayableError("it drops in evaluation mode too")
    return use.x
