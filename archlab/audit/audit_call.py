"""A call of ``archlab.audit`` as it is written in Python: the model checked, shapes made tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from archlab.audit.audit_model import audit_model
from archlab.audit.audit_result import Audit
from archlab.audit.detector_parts import Boxes
from archlab.audit.given_shapes import shapes_given
from archlab.audit.input_spec import InputSpec
from archlab.audit.tracing.model_copy import copy_model
from archlab.audit.tracing.preserve import preserve_generators
from archlab.audit.with_structure import Lift, with_structure
from archlab.elaborate import Network
from archlab.errors import AuditError, InputError, quote
from archlab.grammar.ast import Architecture
from archlab.ir import Graph


def audit_call(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    boxes: Boxes | None = None,
    backward: bool = False,
    latency: bool = False,
    lift: Lift | None = None,
) -> Audit:
    """Audit ``model(*args, **kwargs)``, with tensors where the arguments are shapes.

    As on the command line, shapes have no data; where that fails and the model has data, they are random numbers.

    Args:
        boxes: how many boxes each image has in one of torchvision's detectors.
        backward: whether to count what a training step runs for its gradients as well.
        latency: whether to time every module as well.
        lift: what reads the model's graph, where its structure is asked for.

    Raises:
        AuditError: the forward fails.
        InputError: the model is no torch module, or an argument could be a shape and a value.
    """
    _refuse_other_than_module(model)
    spec = shapes_given(args, kwargs)
    audit = _counted(model, args, kwargs, spec, boxes, backward)
    if lift is not None:
        audit = with_structure(audit, lambda: _graph(lift, model, args, kwargs, spec, audit.device))
    if not latency:
        return audit
    from archlab.audit.layer_times import with_latency

    with preserve_generators():
        given = (args, kwargs) if spec is None else spec.make("cpu")
        return with_latency(audit, _copied(model), *given)


def _graph(
    lift: Lift, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], spec: InputSpec | None, device: str
) -> Graph:
    with preserve_generators():
        given = (args, kwargs) if spec is None else spec.make("meta" if device == "meta" else "cpu")
        return lift(model, tuple(given[0]), dict(given[1]))


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy_model(model)
    except Exception as error:  # a model is anybody's object
        words = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise AuditError(f"its time is measured on a copy, and it cannot be copied: {words}") from error


def _counted(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    spec: InputSpec | None,
    boxes: Boxes | None,
    backward: bool,
) -> Audit:
    if spec is None:
        return audit_model(model, args, kwargs, boxes=boxes, backward=backward)
    held = [*model.parameters(), *model.buffers()]
    try:
        try:
            return audit_model(model, *spec.make("meta"), boxes=boxes, backward=backward)
        except AuditError:
            if any(tensor.is_meta for tensor in held):
                raise
        with preserve_generators():
            made = spec.make(str(held[0].device) if held else "cpu")
        return audit_model(model, *made, boxes=boxes, backward=backward)
    except AuditError as error:
        hint = f"the inputs were {spec}: a tuple includes the batch, a text leaves it out"
        raise AuditError(error.message, hint=hint) from error


def _refuse_other_than_module(model: object) -> None:
    if isinstance(model, nn.Module):
        return
    hint = "give an instance of torch.nn.Module"
    if isinstance(model, str | Network | Graph | Architecture):
        given = repr(model) if isinstance(model, str) else "…"
        hint = f"archlab.build({given}) makes one of a network; the command `archlab audit` takes models by name"
    elif isinstance(model, type):
        hint = f"call the class: {model.__name__}(…)"
    raise InputError(f"{quote(repr(model))[1:-1]} ({type(model).__name__}) is no torch module", hint=hint)
