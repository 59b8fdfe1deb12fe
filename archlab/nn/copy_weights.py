"""Weights from another implementation of the same network, matched by where they stand in the data flow.

Two implementations name their modules differently and may list a block's branches in another order. What they share
is the graph: a layer is the same where its parameters and buffers have the same names and shapes, its stride is the
same, and the layers that feed it are the same. Layers that feed from the same ones and look alike, such as the branches
of a split, are told apart by their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlab.errors import BuildError

Key = Hashable


@dataclass(frozen=True, slots=True)
class StatefulLayer:
    """A layer with state: where it stands, its tensors by name, and what it is matched by."""

    path: str
    tensors: Mapping[str, Tensor]
    key: Key


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy every parameter and buffer of ``source`` into ``target``, which computes the same function.

    Both are traced by ``torch.fx``, so their forward may not branch on values. A linear layer and a 1x1 convolution
    with the same numbers are the same.

    Raises:
        BuildError: a layer of one has no equal in the other; the message names the first.
    """
    state, values = target.state_dict(), source.state_dict()
    for theirs, ours in match(source, target):
        state[ours].copy_(values[theirs].reshape(state[ours].shape))


def match(source: nn.Module, target: nn.Module) -> list[tuple[str, str]]:
    """Return the state-dict keys of ``source`` and ``target`` that mean the same, in the target's order.

    Raises:
        BuildError: as ``copy_weights``.
    """
    theirs: dict[Key, list[StatefulLayer]] = defaultdict(list)
    for layer in layers(source):
        theirs[layer.key].append(layer)
    pairs: list[tuple[str, str]] = []
    for layer in layers(target):
        if not theirs[layer.key]:
            raise BuildError(_unmatched(layer, "the source"))
        equal = theirs[layer.key].pop(0)
        names = layer.tensors if len(layer.tensors) > 1 else equal.tensors
        pairs += [
            (_join(equal.path, name), _join(layer.path, ours)) for name, ours in zip(names, layer.tensors, strict=True)
        ]
    rest = [layer for candidates in theirs.values() for layer in candidates]
    if rest:
        raise BuildError(_unmatched(rest[0], "the target"))
    return pairs


def layers(module: nn.Module) -> Iterator[StatefulLayer]:
    """Return the layers of ``module`` that hold parameters or buffers, in running order."""
    traced = module if isinstance(module, fx.GraphModule) else fx.GraphModule(module, _Tracer().trace(module))
    # For each value, the layers that it comes from without another layer in between.
    sources: dict[fx.Node, frozenset[Key]] = {}
    for node in traced.graph.nodes:
        before: frozenset[Key] = frozenset().union(*(sources[x] for x in node.all_input_nodes))
        sources[node] = before
        tensors = _tensors(traced, node)
        if not tensors:
            continue
        shapes = [_squeezed(tensor) for tensor in tensors.values()]
        path = str(node.target) if node.op == "call_module" else str(node.target).rpartition(".")[0]
        if len(shapes) == 1 and len(shapes[0]) <= 1:
            # A factor for each channel: a bare parameter does not say what it is applied to, so only its shape counts.
            yield StatefulLayer(path, tensors, ("factor", shapes[0]))
            continue
        key = hash((tuple(sorted(zip(tensors, shapes, strict=True))), _stride(traced, node), before))
        sources[node] = frozenset({key})
        yield StatefulLayer(path, tensors, key)


class _Tracer(fx.Tracer):
    """Keeps a module whole whose modules hold nothing, also where it is not one of torch's own."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return all("." not in name for name in m.state_dict()) or super().is_leaf_module(m, module_qualified_name)


def _tensors(traced: fx.GraphModule, node: fx.Node) -> dict[str, Tensor]:
    if node.op == "get_attr":
        value: Any = traced
        for part in str(node.target).split("."):
            value = getattr(value, part)
        return {str(node.target).rpartition(".")[2]: value} if isinstance(value, Tensor) else {}
    if node.op != "call_module":
        return {}
    module = traced.get_submodule(str(node.target))
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _stride(traced: fx.GraphModule, node: fx.Node) -> tuple[int, ...]:
    stride = getattr(traced.get_submodule(str(node.target)), "stride", 1) if node.op == "call_module" else 1
    return stride if isinstance(stride, tuple) else (stride, stride)


def _squeezed(tensor: Tensor) -> tuple[int, ...]:
    """Return the shape without ones at its end: (n, m, 1, 1) of a 1x1 convolution is (n, m) of a linear layer."""
    shape = list(tensor.shape)
    while shape and shape[-1] == 1:
        shape.pop()
    return tuple(shape)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unmatched(layer: StatefulLayer, where: str) -> str:
    shapes = ", ".join(
        f"{name} {'x'.join(map(str, tensor.shape)) or 'scalar'}" for name, tensor in layer.tensors.items()
    )
    return f"{layer.path or 'the module'}: {where} has no layer with {shapes} at the same place of the data flow"
