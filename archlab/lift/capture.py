"""From a torch model to its trace, by the audit's own pass: without data where that can be, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from archlab.audit.operands import named
from archlab.audit.tracing.forward import run_forward
from archlab.audit.tracing.recording import OperatorCall
from archlab.lift.trace import Call, Trace

_MAY_BE_VIEWS = frozenset({"reshape", "flatten", "contiguous", "to", "type_as", "expand_as", "reshape_as", "ravel"})
"""Operators that give their argument's memory or a copy of it."""


def capture(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Trace:
    """Run a model once in evaluation mode and return what it did. Only shapes of real tensors are kept.

    Raises:
        AuditError: the forward fails.
    """
    blank = any(isinstance(leaf, Tensor) and leaf.is_meta for leaf in pytree.tree_leaves((args, kwargs)))
    done = run_forward(model, args, kwargs or {}, real=not blank)
    leaves = {name for name, module in done.model.named_modules() if not any(True for _ in module.children())}
    held = {name: tuple(tensor.shape) for name, tensor in tensors_of(done.model).items()}
    return Trace(
        name=type(done.model).__name__,
        calls=tuple(_call(call, call.module in leaves and bool(call.module)) for call in done.recording.calls),
        inputs=tuple(tuple(tensor.shape) for _, tensor in done.inputs),
        outputs=done.recording.outputs,
        held=held,
        parameters=frozenset(n for n, _ in done.model.named_parameters()),
    )


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's parameters and buffers by all of their names."""
    return {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers(remove_duplicate=False))}


def _call(call: OperatorCall, leaf: bool) -> Call:
    known = call.known
    names = [name for name, _ in known.arguments]
    return Call(
        op=known.name,
        module=call.module,
        leaf=leaf,
        arguments=named(known.arguments, call.arguments),
        takes=call.takes,
        shapes=call.shapes,
        writes=tuple(names[where] if isinstance(where, int) else where for where in known.writes),
        views=known.name in _MAY_BE_VIEWS or _is_view(known.target),
        macs=call.counts.macs,
        dtype=call.dtype,
    )


def _is_view(target: str) -> bool:
    """Return whether an operator, such as ``aten.slice.Tensor``, gives part of the memory that it takes."""
    namespace, _, rest = target.partition(".")
    packet, _, overload = rest.partition(".")
    found = getattr(getattr(getattr(torch.ops, namespace, None), packet, None), overload, None)
    return bool(getattr(found, "is_view", False))
