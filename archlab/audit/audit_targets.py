"""Many targets, one after the other: one that fails does not stop the rest, and its reason is in the result."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from archlab import user_code
from archlab.audit.audit_model import audit_model
from archlab.audit.audit_request import Request
from archlab.audit.audit_result import Audit
from archlab.audit.audit_run import AuditRun, Failure, Outcome
from archlab.audit.build_model import build_for_real, build_without_memory
from archlab.audit.detector_parts import Boxes
from archlab.audit.input_spec import InputSpec, parse_inputs
from archlab.audit.limits import breaches_of
from archlab.audit.targets import Target, find_targets
from archlab.audit.with_structure import Lift, with_structure
from archlab.errors import ArchlabError, AuditError, InputError, quote
from archlab.ir import Graph
from archlab.user_prints import prints_on_stderr

Watch = Callable[[str, int, int], None]
"""Is called before each model with its name, how many are done, and how many there are."""


def run_audits(request: Request, watch: Watch = lambda *_: None, lift: Lift | None = None) -> AuditRun:
    """Audit every target of a request, and compare each with its limits.

    Args:
        lift: what finds the graph of a torch model whose structure is asked for; it raises ArchlabError where the
            model cannot be said in archlab's operators, and the audit then says why.

    Raises:
        InputError: the inputs cannot be read; or the only target names no model.
    """
    outcomes = tuple(audit_each(request, watch, lift))
    audits = [outcome for outcome in outcomes if isinstance(outcome, Audit)]
    breaches = [breach for audit in audits for breach in breaches_of(audit, request.limits_for(audit.name))]
    return AuditRun(outcomes, tuple(breaches), needs_equal_peers=request.fvcore)


def graph_of_target(text: str, request: Request, lift: Lift) -> Graph:
    """Return the graph of the one model that a text names; ``request`` says what it is called with.

    Raises:
        InputError: the text names none or several, or the model cannot be built or run.
        AuditError: it cannot be said in archlab's operators.
    """
    found = find_targets(text, trust=request.trust)
    if len(found) != 1:
        raise InputError(f"{quote(text)} names {len(found)} models, not one", hint=f"such as {found[0].name}")
    outcome = audit_target(found[0], parse_inputs(request.inputs, request.batch or 1), request, lift)
    if isinstance(outcome, Failure):
        raise InputError(f"{outcome.name}: {outcome.reason}")
    if outcome.structure is None:
        raise AuditError(f"{outcome.name} has no graph of archlab's operators: {outcome.no_structure}")
    return outcome.structure.graph


def audit_each(request: Request, watch: Watch = lambda *_: None, lift: Lift | None = None) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the targets; see ``run_audits``.

    Raises:
        InputError: the inputs or a file of rules cannot be read; or the only target names no model.
    """
    inputs = parse_inputs(request.inputs, request.batch)
    for file in request.rules:
        user_code.load_module(file)
    found: list[Target | Failure] = []
    for text in request.targets:
        try:
            found += find_targets(text, request.proposals, request.trust)
        except ArchlabError as error:
            if len(request.targets) == 1:
                raise
            found.append(Failure(text, error.one_line))
    for number, target in enumerate(found):
        watch(target.name, number, len(found))
        yield target if isinstance(target, Failure) else audit_target(target, inputs, request, lift)


def audit_target(target: Target, inputs: InputSpec | None, request: Request, lift: Lift | None = None) -> Outcome:
    """Audit one target; return why where that fails."""
    try:
        return _audit(target, inputs, request, lift)
    except ArchlabError as error:
        return Failure(target.name, error.one_line)
    except RecursionError:
        return Failure(target.name, "its modules nest too deeply")
    except MemoryError:
        return Failure(target.name, "there is not enough memory to build it")


def _audit(target: Target, inputs: InputSpec | None, request: Request, lift: Lift | None) -> Audit:
    model, own = built_target(target, real=not target.meta)
    inputs = target.complete(inputs) if inputs is not None else target.inputs(model, request.batch or 1)
    own = _with_batch(target, model, own, request.batch) if inputs is None else own
    if inputs is None and own is None:
        raise InputError("its inputs are not known", hint="describe them with --input 3x224x224 or --input spec.json")
    blank = target.meta and any(p.is_meta for p in model.parameters())
    audit = None
    try:
        audit = _audit_built(target, model, inputs, own, request, "meta")
    except AuditError:
        if not blank:
            raise
    if blank and (audit is None or request.latency):
        # Its forward looks at values, or is timed: it runs for real, with random weights.
        del model
        gc.collect()
        model, own = built_target(target, real=True)
        own = _with_batch(target, model, own, request.batch) if inputs is None else own
    audit = audit or _audit_built(target, model, inputs, own, request, "cpu")
    if request.structure:
        device = "meta" if audit.device == "meta" else "cpu"
        audit = with_structure(audit, target.graph or (lambda: _lifted(lift, model, inputs, own, device)))
    if inputs is not None and inputs.note:
        audit = dataclasses.replace(audit, notes=(*audit.notes, inputs.note))
    return _timed(audit, model, inputs, own) if request.latency else audit


def _with_batch(target: Target, model: nn.Module, own: Any, batch: int | None) -> Any:
    return own if own is None or batch is None else target.with_batch(model, own, batch)


def _lifted(lift: Lift | None, model: nn.Module, inputs: InputSpec | None, own: Any, device: str) -> Graph:
    if lift is None:
        raise AuditError("it is a torch model, which is not read into archlab's operators here")
    args, kwargs = inputs.make(device) if inputs is not None else own
    with prints_on_stderr():
        return lift(model, tuple(args), dict(kwargs))


def _timed(audit: Audit, model: nn.Module, inputs: InputSpec | None, own: Any) -> Audit:
    from archlab.audit.layer_times import with_latency

    args, kwargs = inputs.make("cpu") if inputs is not None else own
    with prints_on_stderr():
        return with_latency(audit, model, args, kwargs)


def _audit_built(
    target: Target, model: nn.Module, inputs: InputSpec | None, own: Any, request: Request, device: str
) -> Audit:
    args, kwargs = inputs.make(device) if inputs is not None else own
    with prints_on_stderr():
        boxes = Boxes(request.proposals, request.detections)
        audit = audit_model(model, args, kwargs, target.name, boxes=boxes, backward=request.backward)
        if request.fvcore or request.crosscheck:
            from archlab.audit.counters.fvcore_counter import with_fvcore

            audit = with_fvcore(model, args, kwargs, audit)
        if request.crosscheck:
            from archlab.audit.counters.crosscheck import with_installed_counters

            audit = with_installed_counters(model, args, kwargs, audit)
    return audit


def _arguments(given: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Return what a factory put out beside its model as arguments: one, a tuple of several, a dict by name, or both.

    >>> _arguments(["x"]), _arguments([("x", "y")]), _arguments([{"x": 1}]), _arguments([("x",), {"y": 1}])
    ((('x',), {}), (('x', 'y'), {}), ((), {'x': 1}), (('x',), {'y': 1}))
    """
    if len(given) == 1 and isinstance(given[0], tuple) and [type(part) for part in given[0]] == [tuple, dict]:
        given = list(given[0])
    if not given:
        return None
    if len(given) == 2 and isinstance(given[0], tuple) and isinstance(given[1], dict):
        return given[0], given[1]
    if len(given) == 1:
        (only,) = given
        return ((), only) if isinstance(only, dict) else (only if isinstance(only, tuple) else (only,), {})
    return tuple(given), {}


def built_target(target: Target, real: bool) -> tuple[nn.Module, Any]:
    """Build the model; return it with the arguments that came with it, if any did.

    Raises:
        AuditError: its factory fails.
        InputError: what it makes is no torch module.
    """
    made = build_for_real(target.make) if real else build_without_memory(target.make)
    model, own = made, None
    if isinstance(made, tuple) and made and isinstance(made[0], nn.Module):
        model, *given = made
        own = _arguments(given)
    if not isinstance(model, nn.Module):
        raise InputError(f"it is {type(model).__name__}, not a torch module", hint="name a function that returns one")
    return model, own
