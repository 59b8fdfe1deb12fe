"""One audit: the pass, or the passes, that a model takes, put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from torch import nn

from archlab.audit.assemble import assemble, count_backward
from archlab.audit.audit_result import Audit
from archlab.audit.deployed import deployed_counts, has_branches, merge_branches
from archlab.audit.detector_parts import Boxes, has_second_heads, image_count, is_detector, parts_of, stand_in
from archlab.audit.tracing.backward import run_backward
from archlab.audit.tracing.forward import run_forward
from archlab.garbage import garbage_collection_off


def audit_model(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    training: bool | None = False,
    boxes: Boxes | None = None,
    backward: bool = False,
) -> Audit:
    """Audit ``model(*args, **kwargs)``, see ``archlab.audit``.

    Args:
        name: what to call it; by default its class.
        training: the mode that every module is set to for the pass; None leaves the modes as they are.
        boxes: how many boxes each image has in one of torchvision's detectors.
        backward: whether to count what a training step runs for its gradients as well.
    """
    start = perf_counter()
    with garbage_collection_off():
        if is_detector(model):
            audit = _audit_detector(model, args, kwargs or {}, name, training, (boxes or Boxes()).for_model(model))
        else:
            audit = assemble(name or type(model).__name__, run_forward(model, args, kwargs or {}, training))
        audit = _with_deployed(audit, model, args, kwargs or {}, training)
        if backward:
            audit = dataclasses.replace(audit, backward=count_backward(run_backward(model, args, kwargs or {})))
    return dataclasses.replace(audit, seconds=perf_counter() - start)


def audit_as_built(model: nn.Module, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Audit:
    """Audit ``model`` in evaluation mode, as built and no more: neither as deployed nor a detector's parts."""
    with garbage_collection_off():
        return assemble(type(model).__name__, run_forward(model, args, kwargs or {}))


def _with_deployed(
    audit: Audit, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], training: bool | None
) -> Audit:
    """Add the counts as deployed to an audit; a model with branches to merge is audited merged as well."""
    if audit.training is not False or not has_branches(model):
        return dataclasses.replace(audit, deployed=deployed_counts(audit))
    try:
        after = assemble(audit.name, run_forward(merge_branches(model), args, kwargs, training))
    except Exception as error:  # the model's own methods: whatever they raise is part of the result
        note = f"Its branches could not be merged: {type(error).__name__}: {error}".splitlines()[0]
        return dataclasses.replace(audit, deployed=deployed_counts(audit), notes=(*audit.notes, note))
    return dataclasses.replace(audit, deployed=deployed_counts(after, merged=True))


def _audit_detector(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    name: str | None,
    training: bool | None,
    boxes: Boxes,
) -> Audit:
    """Audit a detector with as many boxes as asked for, and with one detection to know what each costs."""
    name = name or type(model).__name__
    done = run_forward(model, args, kwargs, training, stand_in(boxes))
    audit = assemble(name, done)
    one = None
    if done.meta and not boxes.detections and has_second_heads(model):
        one = assemble(
            name, run_forward(model, args, kwargs, training, stand_in(dataclasses.replace(boxes, detections=1)))
        )
    note = (
        f"A detector with {boxes.proposals:,} proposals and {boxes.detections} detections per image;"
        " choosing them by their values is not part of the count."
        if done.meta
        else "It ran for real: how many boxes its heads saw depends on its weights."
    )
    parts = parts_of(audit, boxes, image_count(done), one) if done.meta else ()
    return dataclasses.replace(audit, parts=parts, notes=(*audit.notes, note))
