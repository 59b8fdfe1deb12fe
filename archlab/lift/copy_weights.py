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
from archlab.nn.blank_inputs import blank_inputs

_USUAL = (3, 224, 224)


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module, inputs: Any = None) -> None:
    """Copy every parameter and buffer of ``target`` from ``source``, which computes the same function.

    Both run once in evaluation mode, without data. A linear layer and a 1x1 convolution with the same numbers are the
    same.

    Args:
        inputs: what both are called with: a shape such as ``(1, 3, 224, 224)`` or ``"3x224x224"``, a tensor, or a list
            of those where they take several, such as images and boxes. By default the inputs of the one that archlab
            built, else 3x224x224.

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
    return canonicalise(capture(model, args), whole=True)


def _arguments(source: nn.Module, target: nn.Module, inputs: Any) -> tuple[Any, ...]:
    if inputs is not None:
        given = tuple(inputs) if _is_several(inputs) else (inputs,)
        spec = shapes_given(given, {})
        return given if spec is None else spec.make("meta")[0]
    graph = _graph_of(target) or _graph_of(source)
    images = (torch.empty((1, *_USUAL)),) if graph is None else blank_inputs(graph)
    return tuple(tensor.to("meta") for tensor in images)


def _is_several(inputs: Any) -> bool:
    """Return whether these are inputs, and not one: a tuple of numbers is the shape of one."""
    return isinstance(inputs, list | tuple) and not all(isinstance(size, int) for size in inputs)


def _graph_of(model: nn.Module) -> Graph | None:
    """Return the graph that a module was built from, if archlab built it."""
    meta = vars(model).get("meta")
    graph = meta.get("graph") if isinstance(meta, dict) else None
    return graph if isinstance(graph, Graph) else None
