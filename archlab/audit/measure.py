"""One audit: the pass, or the passes, that a model takes, put together."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

from torch import nn

from archlab.audit.assemble import assemble
from archlab.audit.deployed import folded, has_branches, merged
from archlab.audit.detectors import Boxes, has_second_heads, image_count, is_detector, parts_of, stand_in
from archlab.audit.forward import run
from archlab.audit.result import Audit


def measure(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    training: bool | None = False,
    boxes: Boxes | None = None,
) -> Audit:
    """The audit of ``model(*args, **kwargs)``, see ``archlab.audit``.

    Args:
        name: what to call it; by default its class.
        training: the mode that every module is set to for the pass; None leaves the modes as they are.
        boxes: how many boxes an image has in one of torchvision's detectors.
    """
    start = perf_counter()
    with _without_collections():
        if is_detector(model):
            audit = _detector(model, args, kwargs or {}, name, training, (boxes or Boxes()).of(model))
        else:
            audit = assemble(name or type(model).__name__, run(model, args, kwargs or {}, training))
        audit = _with_deployed(audit, model, args, kwargs or {}, training)
    return dataclasses.replace(audit, seconds=perf_counter() - start)


def measure_as_is(model: nn.Module, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Audit:
    """The audit of ``model`` in evaluation mode, as built and no more: neither as deployed nor a detector's parts."""
    with _without_collections():
        return assemble(type(model).__name__, run(model, args, kwargs or {}))


def _with_deployed(
    audit: Audit, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], training: bool | None
) -> Audit:
    """The audit with its counts as deployed; a model with branches to merge is audited merged as well."""
    if audit.training is not False or not has_branches(model):
        return dataclasses.replace(audit, deployed=folded(audit))
    try:
        after = assemble(audit.name, run(merged(model), args, kwargs, training))
    except Exception as error:  # the model's own methods: whatever they raise is part of the result
        note = f"Its branches could not be merged: {type(error).__name__}: {error}".splitlines()[0]
        return dataclasses.replace(audit, deployed=folded(audit), notes=(*audit.notes, note))
    return dataclasses.replace(audit, deployed=folded(after, merged_branches=True))


def _detector(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    name: str | None,
    training: bool | None,
    boxes: Boxes,
) -> Audit:
    """A detector with as many boxes as told, and with one detection to know what each costs."""
    name = name or type(model).__name__
    done = run(model, args, kwargs, training, stand_in(boxes))
    audit = assemble(name, done)
    one = None
    if done.meta and not boxes.detections and has_second_heads(model):
        one = assemble(name, run(model, args, kwargs, training, stand_in(dataclasses.replace(boxes, detections=1))))
    note = (
        f"A detector with {boxes.proposals:,} proposals and {boxes.detections} detections an image;"
        " choosing them by their values is not part of the count."
        if done.meta
        else "It ran for real: how many boxes its heads saw depends on its weights."
    )
    parts = parts_of(audit, boxes, image_count(done), one) if done.meta else ()
    return dataclasses.replace(audit, parts=parts, notes=(*audit.notes, note))


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage collection: memory then lives as long as it is referred to, in every run alike."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
