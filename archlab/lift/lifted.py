"""What a lift gives: the text, the graph that it says, and where every weight comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archlab.errors import InputError
from archlab.ir import Graph
from archlab.lift.canonical.values import Weight
from archlab.nn import build
from archlab.nn.module import target_of


@dataclass(frozen=True, repr=False)
class Lifted:
    """A model as text. It was verified: see ``archlab.lift``.

    Attributes:
        text: the canonical text.
        graph: the model's operators in the language, under the paths of its own modules.
        written: the graph of the text, by whose paths the text's module names its weights.
        mapping: the model's tensor for each of the text's, by their keys in the state dicts.
        unread: the model's parameters that its forward does not read in evaluation mode, and the text is without.
        params: how many parameters the text's network has.
        macs: its multiply-accumulates for one image.
        difference: the largest difference of the outputs relative to the largest output, with the model's own weights;
            None where it has none.
        batch: how many images the model was given.
        originals: the modules that the text has as ``opaque``, by the names that it gives them.
        notes: what a reader should know of what was lifted.
        layout: how the axes of the model's output lie if it is a map, such as ``nhwc``; the text's are ``nchw``.
    """

    text: str
    graph: Graph
    written: Graph
    mapping: Mapping[str, str]
    unread: tuple[str, ...]
    params: int
    macs: int
    difference: float | None
    batch: int
    originals: Mapping[str, nn.Module] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    layout: str = "nchw"
    _weights: Mapping[str, Weight] = field(default_factory=dict)
    _held: Mapping[str, Tensor] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        lines = self.text.count("\n")
        return f"<Lifted {self.graph.name}, {lines} lines, {self.params:,} parameters, {self.macs:,} MACs>"

    def laid_out(self, output: Tensor) -> Tensor:
        """Return what the text's module gives with its axes as the model's output has them."""
        return output.permute(*map("nchw".index, self.layout)) if output.ndim == 4 else output

    def state_dict(self) -> dict[str, Tensor]:
        """Return the model's weights under the keys of the text's module. Each is a tensor of its own.

        Raises:
            InputError: the model has no data.
        """
        return weights_for(self._held, self.written, self._weights)

    def module(self) -> nn.Module:
        """Return the text's torch module with the model's weights, in evaluation mode; opaque modules are copies.

        Raises:
            InputError: the model has no data.
        """
        state = self.state_dict()
        module = build(self.written, originals=self.originals).eval()
        module.load_state_dict(state, strict=False)
        return module


def weights_for(held: Mapping[str, Tensor], graph: Graph, weights: Mapping[str, Weight]) -> dict[str, Tensor]:
    """Return a model's tensors by the keys of a graph's module, in the shapes that these have there.

    Raises:
        InputError: the model has no data.
    """
    if any(tensor.is_meta or is_lazy(tensor) for tensor in held.values()):
        hint = "build it on a real device; lazy layers get their weights when the model first runs"
        raise InputError("the model has no data to take weights from", hint=hint)
    shapes = _shapes(graph)
    found = {}
    for key, weight in weights.items():
        value = in_order(held[weight.name].detach(), weight)
        found[key] = value.reshape(shapes.get(key, value.shape)).to(
            "cpu", torch.float32 if value.is_floating_point() else None, copy=True
        )
    return found


def in_order(value: Tensor, weight: Weight) -> Tensor:
    """Return a model's tensor with its rows and columns in the order that the text's network has."""
    value = value.t() if weight.transposed else value
    if not weight.order:
        return value
    return value.reshape(-1, *weight.pieces).permute(0, *(i + 1 for i in weight.order)).flatten(1)


def out_of_order(value: Tensor, weight: Weight) -> Tensor:
    """Return a tensor in the order of the text's network as a model holds it: the inverse of ``in_order``."""
    if weight.order:
        pieces = value.reshape(-1, *(weight.pieces[i] for i in weight.order))
        places = sorted(range(len(weight.order)), key=lambda i: weight.order[i])
        value = pieces.permute(0, *(i + 1 for i in places)).flatten(1)
    return value.flatten(1).t() if weight.transposed else value


def _shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    return {
        f"{target_of(node.name)}.{name}": shape
        for node in graph
        for name, shape in (*node.weights.items(), *node.buffers.items())
    }
