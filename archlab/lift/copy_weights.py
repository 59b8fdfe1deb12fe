"""Weights from another implementation of the same network, matched by where they stand in the data flow.

Two implementations name their modules differently and may list a block's branches in another order. What they share is
the wiring of their operators, as ``archlab.lift`` reads it from a forward without data.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from archlab.audit.given_shapes import shapes_given
from archlab.errors import BuildError
from archlab.ir import Graph
from archlab.lift.canonical.canonicalise import Canonical, canonicalise
from archlab.lift.canonical.values import Weight
from archlab.lift.capture import capture, tensors_of
from archlab.lift.lifted import in_order, out_of_order
from archlab.lift.match import match as matched
from archlab.lift.wiring import wiring_of_form

_USUAL = (3, 224, 224)


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module, inputs: Any = None) -> None:
    """Copy every parameter and buffer of ``target`` from ``source``, which computes the same function.

    Both run once in evaluation mode, without data. A linear layer and a 1x1 convolution with the same numbers are the
    same.

    Args:
        inputs: what both are called with: a shape such as ``(1, 3, 224, 224)`` or ``"3x224x224"``, or a tensor. By
            default the input of the one that archlab built, else 3x224x224.

    Raises:
        BuildError: the two do not compute the same, or it is ambiguous which layer is which; the message names them.
        AuditError: a forward fails.
    """
    held = tensors_of(target)
    values = tensors_of(source)
    for theirs, ours in _pairs(source, target, inputs):
        value = out_of_order(in_order(values[theirs.name], theirs), ours)
        held[ours.name].copy_(value.reshape(held[ours.name].shape))


def match(source: nn.Module, target: nn.Module, inputs: Any = None) -> list[tuple[str, str]]:
    """Return the state-dict keys of ``source`` and ``target`` that mean the same, in the target's order of running.

    Raises:
        BuildError, AuditError: as ``copy_weights``.
    """
    return [(theirs.name, ours.name) for theirs, ours in _pairs(source, target, inputs)]


def _pairs(source: nn.Module, target: nn.Module, inputs: Any) -> list[tuple[Weight, Weight]]:
    args = _arguments(source, target, inputs)
    theirs, ours = _form(source, args), _form(target, args)
    found = {wired.number: number for number, wired in _same(theirs, ours)}
    pairs = []
    for number in sorted(found):
        one, two = theirs.steps[found[number]], ours.steps[number]
        names = (
            zip(one.held.values(), two.held.values(), strict=True)
            if len(one.held) == len(two.held) == 1
            else ((one.held[name], two.held[name]) for name in two.held if name in one.held)
        )
        pairs += list(names)
    values, held = tensors_of(source), tensors_of(target)
    pairs = [(a, b) for a, b in pairs if a.name in values and b.name in held]
    copied = {b.name for _, b in pairs}
    missing = [name for name in target.state_dict() if name not in copied and not name.endswith("num_batches_tracked")]
    if missing:
        raise BuildError(f"{missing[0]}: nothing that the target's outputs need reads it", hint="give inputs that do")
    return pairs


def _same(theirs: Canonical, ours: Canonical) -> list[tuple[int, Any]]:
    first, second = wiring_of_form(theirs), wiring_of_form(ours)
    found = matched(first, second)
    return [(first.vertices[a].number, second.vertices[b]) for a, b in found.items()]


def _form(model: nn.Module, args: tuple[Any, ...]) -> Canonical:
    return canonicalise(capture(model, args))


def _arguments(source: nn.Module, target: nn.Module, inputs: Any) -> tuple[Any, ...]:
    if inputs is not None:
        spec = shapes_given((inputs,), {})
        return (inputs,) if spec is None else spec.make("meta")[0]
    graphs = [_graph_of(target), _graph_of(source)]
    shape = next((graph.input_shape for graph in graphs if graph is not None), _USUAL)
    return (torch.empty((1, *shape), device="meta"),)


def _graph_of(model: nn.Module) -> Graph | None:
    """Return the graph that a module was built from, if archlab built it."""
    meta = vars(model).get("meta")
    graph = meta.get("graph") if isinstance(meta, dict) else None
    return graph if isinstance(graph, Graph) else None
