"""Many targets, one after the other: one that fails does not stop the rest, and its reason is in the result."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.audit.build import for_real, without_memory
from archlab.audit.detectors import Boxes
from archlab.audit.inputs import Call, parse_inputs
from archlab.audit.measure import measure
from archlab.audit.result import Audit
from archlab.audit.targets import Target, find_targets
from archlab.errors import ArchlabError, AuditError, InputError

_BOXES = Boxes()


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that could not be built or run."""

    name: str
    reason: str


Outcome = Audit | Failure


@dataclass(frozen=True)
class Request:
    """What to audit and how.

    Attributes:
        targets: as on the command line.
        inputs: as ``--input`` gives them; without, each model's own.
        batch: how many images.
        boxes: of detectors.
        counters: other counters to run beside the audit.
    """

    targets: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    batch: int = 1
    boxes: Boxes = _BOXES
    counters: tuple[Callable[[Any, Any, Any, Audit], Audit], ...] = ()


Watch = Callable[[str, int, int], None]


def audit_many(request: Request, watch: Watch = lambda *_: None) -> Iterator[Outcome]:
    """The outcomes in the order of the targets; ``watch`` is told of each before it begins.

    Raises:
        InputError: the inputs cannot be read; or the only target names no model.
    """
    call = parse_inputs(request.inputs, request.batch)
    found: list[Target | Failure] = []
    for text in request.targets:
        try:
            found += find_targets(text, request.boxes.proposals)
        except ArchlabError as error:
            if len(request.targets) == 1:
                raise
            found.append(Failure(text, error.one_line))
    for number, target in enumerate(found):
        watch(target.name, number, len(found))
        yield target if isinstance(target, Failure) else audit_target(target, call, request)


def audit_target(target: Target, call: Call | None, request: Request) -> Outcome:
    """One target's audit, or why there is none."""
    try:
        return _audit(target, call, request)
    except ArchlabError as error:
        return Failure(target.name, error.one_line)
    except RecursionError:
        return Failure(target.name, "its modules nest too deeply")
    except MemoryError:
        return Failure(target.name, "there is not enough memory to build it")


def _audit(target: Target, call: Call | None, request: Request) -> Audit:
    model, own = _built(target, real=not target.meta)
    call = target.complete(call) if call is not None else target.inputs(model, request.batch)
    if call is None and own is None:
        raise InputError("its inputs are not known", hint="describe them with --input 3x224x224 or --input spec.json")
    try:
        return _measured(target, model, call, own, request, "meta")
    except AuditError:
        if not target.meta or not any(p.is_meta for p in model.parameters()):
            raise
    # Its forward looks at values: it runs for real, with random weights.
    del model
    gc.collect()
    model, own = _built(target, real=True)
    return _measured(target, model, call, own, request, "cpu")


def _measured(target: Target, model: Any, call: Call | None, own: Any, request: Request, device: str) -> Audit:
    args, kwargs = call.make(device) if call is not None else own
    with contextlib.redirect_stdout(sys.stderr):
        audit = measure(model, args, kwargs, target.name, boxes=request.boxes)
        for counter in request.counters:
            audit = counter(model, args, kwargs, audit)
    return audit


def _built(target: Target, real: bool) -> tuple[Any, Any]:
    """The model, and the call that came with it, if one did."""
    from torch import nn

    made = for_real(target.make) if real else without_memory(target.make)
    model, own = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(model, nn.Module):
        raise InputError(f"it is {type(model).__name__}, not a torch module", hint="name a function that returns one")
    return model, own


def failures(outcomes: Iterable[Outcome]) -> list[Failure]:
    """The outcomes that are failures."""
    return [outcome for outcome in outcomes if isinstance(outcome, Failure)]


def audits(outcomes: Sequence[Outcome]) -> list[Audit]:
    """The outcomes that are audits."""
    return [outcome for outcome in outcomes if isinstance(outcome, Audit)]
