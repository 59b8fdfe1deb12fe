"""A module of a model as one operator: what it takes, gives, reads and costs, and whether it can stand alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from archlab.audit.operands import Argument, Held, Output
from archlab.errors import AuditError
from archlab.ir import Shape
from archlab.lift.canonical.response_norm import INSIDE
from archlab.lift.canonical.stale import outputs_in
from archlab.lift.capture import capture
from archlab.lift.needed_calls import parameters_read
from archlab.lift.trace import Call, Trace
from archlab.ops import MOST, OPAQUE


class NotAloneError(Exception):
    """A module cannot stand as one operator; the message is the reason."""


@dataclass(frozen=True, slots=True)
class WholeModule:
    """A module's part of a trace.

    Attributes:
        path: where the module is in the model.
        calls: the numbers of its operators.
        takes, gives: its one input and its one output.
        shape: the input's shape, the batch included.
        held: the names of the model's tensors that it reads.
        params: how many parameters these are.
        macs: its multiply-accumulates, of the whole batch.
    """

    path: str
    calls: tuple[int, ...]
    takes: Output
    gives: Output
    shape: Shape
    held: tuple[str, ...]
    params: int
    macs: int


def whole_module(model: nn.Module, trace: Trace, path: str) -> WholeModule:
    """Return the part of ``trace`` that the module at ``path`` runs; it takes one tensor and gives one.

    Raises:
        NotAloneError: it takes or gives several, changes its input, reads weights from elsewhere, or does something
            else when it is called with its input alone.
    """
    calls = tuple(i for i, call in enumerate(trace.calls) if is_under(call.module, path))
    inside = frozenset(calls)
    read = {o for i in calls for o in _reads(trace.calls[i]) if o.call not in inside}
    after = [o for i, call in enumerate(trace.calls) if i not in inside for o in _reads(call)]
    given = {o for o in (*after, *outputs_in(tuple(a for _, a in trace.outputs))) if o.call in inside}
    for verb, several in (("takes", read), ("gives", given)):
        if len(several) != 1:
            raise NotAloneError(f"{verb} {len(several)} tensors")
    (takes,), (gives,) = read, given
    held = tuple(sorted({h for i in calls for h in _held(tuple(trace.calls[i].arguments.values()))}))
    if elsewhere := [name for name in held if not name.startswith(f"{path}.")]:
        raise NotAloneError(f"reads {elsewhere[0]}, which is not its own")
    if _aliases(trace, calls, takes) is None:
        raise NotAloneError("changes its input in place")
    macs = sum(trace.calls[i].macs for i in calls)
    names = parameters_read(trace, calls)
    params = sum(math.prod(trace.held[name]) for name in names)
    if max(macs // trace.batch, params) > MOST:
        raise NotAloneError(f"costs more than {MOST:,}, the largest number of a text")
    shape = trace.inputs[takes.index] if takes.call < 0 else trace.calls[takes.call].shapes[takes.index]
    found = WholeModule(path, calls, takes, gives, shape, held, params, macs)
    _require_alone(model, trace, found)
    return found


def is_under(path: str, above: str) -> bool:
    """Return whether a module is another, or in it."""
    return path == above or path.startswith(f"{above}.")


def with_whole_modules(trace: Trace, modules: Iterable[WholeModule]) -> Trace:
    """Return ``trace`` with one operator for each of ``modules``; the others keep their numbers."""
    calls = list(trace.calls)
    for module in modules:
        for i in module.calls:
            calls[i] = dataclasses.replace(calls[i], op=INSIDE, arguments={}, writes=(), views=False, macs=0)
        calls[module.gives.call] = _as_one(trace, module)
    return dataclasses.replace(trace, calls=tuple(calls))


def _as_one(trace: Trace, module: WholeModule) -> Call:
    arguments: Mapping[str, Argument] = {
        "x": module.takes,
        "name": module.path,
        "params": module.params,
        "macs": module.macs,
        "index": module.gives.index,
        "held": tuple(map(Held, module.held)),
    }
    return Call(
        op=OPAQUE,
        module=module.path,
        leaf=True,
        arguments=arguments,
        takes=(module.shape,),
        shapes=trace.calls[module.gives.call].shapes,
        views=module.gives in (_aliases(trace, module.calls, module.takes) or ()),
        macs=module.macs,
    )


def _aliases(trace: Trace, calls: Sequence[int], takes: Output) -> set[Output] | None:
    """Return the tensors of these calls that may be memory of their input; None where one of them is written to."""
    found = {takes}
    for i in calls:
        call = trace.calls[i]
        if found & set(outputs_in(tuple(call.arguments.get(name) for name in call.writes))):
            return None
        if call.views and found & set(_reads(call)):
            found |= {Output(i, index) for index in range(len(call.shapes))}
    return found


def _require_alone(model: nn.Module, trace: Trace, module: WholeModule) -> None:
    """Call the module with its input alone, without data, and compare what it does."""
    try:
        alone = capture(model.get_submodule(module.path), (torch.empty(module.shape, device="meta"),))
    except AuditError as error:
        raise NotAloneError(f"cannot be called with its input alone: {error.one_line}") from None
    here = [(call.op, call.shapes, call.macs) for call in (trace.calls[i] for i in module.calls)]
    if here != [(call.op, call.shapes, call.macs) for call in alone.calls]:
        raise NotAloneError("does something else when it is called with its input alone")
    if [path for path, _ in alone.outputs] != [""]:
        raise NotAloneError(f"returns {len(alone.outputs)} tensors in a container, and not one tensor")


def _reads(call: Call) -> list[Output]:
    return list(outputs_in(tuple(call.arguments.values())))


def _held(arguments: tuple[Argument, ...]) -> Iterable[str]:
    for argument in arguments:
        if isinstance(argument, Held):
            yield argument.name
        elif isinstance(argument, tuple):
            yield from _held(argument)
