"""Modules of another network in the place of ``opaque``: what the language cannot say, run as it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archlab.errors import BuildError, did_you_mean
from archlab.ir import Graph, Node
from archlab.ops import LAYOUTS, OPAQUE

Originals = Mapping[str, nn.Module]
"""The modules that ``opaque`` stands for, by the names that a text gives them."""
CHANNELS_FIRST, CHANNELS_LAST, TOKENS = LAYOUTS


class Opaque(nn.Module):
    """A module as it is, between maps (N, C, H, W) and features (N, F), whatever layout it has them in itself."""

    def __init__(self, original: nn.Module, attrs: Mapping[str, Any]) -> None:
        super().__init__()
        self.original = original
        layout = attrs.get("layout", CHANNELS_FIRST)
        self.layout = layout if len(attrs["takes"]) == 3 else ""
        self.out_layout = attrs.get("out_layout", layout) if len(attrs["out"]) == 3 else ""
        self.out = tuple(attrs["out"])

    def forward(self, x: Tensor) -> Tensor:
        if self.layout == CHANNELS_LAST:
            x = x.permute(0, 2, 3, 1).contiguous()
        elif self.layout == TOKENS:
            x = x.flatten(2).transpose(1, 2).contiguous()
        y: Tensor = self.original(x)
        if self.out_layout == CHANNELS_LAST:
            y = y.permute(0, 3, 1, 2)
        elif self.out_layout == TOKENS:
            y = y.transpose(1, 2).reshape(y.shape[0], *self.out)
        return y


def refuse_unknown(graph: Graph, originals: Originals) -> None:
    """Refuse originals that a graph has no place for.

    Raises:
        BuildError: there is no such ``opaque``, or what is given for it is no module.
    """
    names = {str(node.attrs["name"]) for node in graph if node.op == OPAQUE}
    for name, original in originals.items():
        if name not in names:
            raise BuildError(f"{graph.name} has no opaque {name!r}", hint=did_you_mean(name, names))
        if not isinstance(original, nn.Module):
            raise BuildError(f"what is given for the opaque {name!r} is a {type(original).__name__}, and no module")


def opaque_layer(node: Node, originals: Originals) -> Opaque:
    """Return the layer of an ``opaque``: a copy of the original, in training mode, in float32, on the CPU.

    Raises:
        BuildError: the original is not given, has too few parameters, or cannot be copied.
    """
    name, params = str(node.attrs["name"]), int(node.attrs["params"])
    if name not in originals:
        raise BuildError(
            f'{node.name}: opaque("{name}") stands for a module that the text cannot say, and that was not given',
            hint=f"give it: build(text, originals={{{name!r}: module}}), or lift the model and take Lifted.module()",
        )
    original = originals[name]
    held = sum(parameter.numel() for parameter in original.parameters())
    if held < params:
        raise BuildError(f"{node.name}: the module given for {name!r} has {held:,} parameters, and the text {params:,}")
    try:
        layer = Opaque(copy.deepcopy(original), node.attrs)
        return layer.to("cpu", torch.float32).train()
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise BuildError(f"{node.name}: the module given for {name!r} cannot be copied: {error}") from error
