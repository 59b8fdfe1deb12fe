"""From a recorded pass to an ``Audit``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from archlab.audit.active_parameters import active_parameters
from archlab.audit.audit_result import Audit
from archlab.audit.breakdown import uncounted_in
from archlab.audit.counts import Counts
from archlab.audit.findings import Backward, Input, Operator, Part, Peak
from archlab.audit.module_totals import modules_of, shared_of, upwards, weights_of
from archlab.audit.tracing.backward import BackwardPass
from archlab.audit.tracing.forward import ForwardPass
from archlab.audit.tracing.recording import INPUT, OperatorCall, Recording
from archlab.ir import Shape

LARGEST = 8


def assemble(name: str, done: ForwardPass, parts: tuple[Part, ...] = (), notes: tuple[str, ...] = ()) -> Audit:
    """Put together the audit of the model that ``done`` ran."""
    model, recording = done.model, done.recording
    operators = _operators(recording.calls)
    weights = weights_of(model)
    modules = modules_of(model, weights, operators, recording.module_calls)
    inputs = tuple(Input(n, _sizes(t), str(t.dtype).removeprefix("torch.")) for n, t in done.inputs)
    distinct = {names[0]: key for key, names in weights.names.items()}
    parameters = [p for n, p in model.named_parameters(remove_duplicate=False) if n in distinct]
    return Audit(
        name=name,
        kind=type(model).__name__,
        inputs=inputs,
        params=modules[0].params,
        active_params=active_parameters(modules, inputs, operators),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        param_bytes=sum(p.numel() * p.element_size() for p in parameters) + weights.packed_bytes,
        buffer_bytes=sum(b.numel() * b.element_size() for b in model.buffers()),
        memory=recording.memory.peak,
        peak=_peak(recording, operators),
        device="meta" if done.meta else "real",
        reason=done.reason,
        training=done.training,
        shared=shared_of(weights),
        modules=modules,
        operators=operators,
        shapes={n: tuple(p.shape) for n, p in model.named_parameters(remove_duplicate=False)},
        deployed=None,
        backward=None,
        latency=None,
        roof=None,
        predicted=None,
        parts=parts,
        notes=(*notes, *recording.notes, *_own_rules(recording.calls)),
        peers=(),
        structure=None,
        no_structure=None,
        **modules[0].counts(),
    )


def _sizes(tensor: Tensor) -> Shape:
    """Return a tensor's shape, with the longest for an axis of many lengths."""
    if not tensor.is_nested:
        return tuple(tensor.shape)
    parts = [part.shape for part in tensor.unbind()]
    return len(parts), *(max(sizes) for sizes in zip(*parts, strict=True))


def _own_rules(calls: Sequence[OperatorCall]) -> tuple[str, ...]:
    names = dict.fromkeys(call.known.name for call in calls if call.known.own)
    return (f"Counted by rules of your own: {', '.join(names)}.",) if names else ()


def _operators(calls: Sequence[OperatorCall]) -> tuple[Operator, ...]:
    """Name the calls: their paths are unique and tell where each stands."""
    totals = Counter((call.module, call.known.name) for call in calls)
    seen: Counter[tuple[str, str]] = Counter()
    operators = []
    for call in calls:
        where = call.module, call.known.name
        number = f"_{seen[where]}" if totals[where] > 1 else ""
        seen[where] += 1
        short = call.known.name.rpartition("::")[2] + number
        operators.append(
            Operator(
                name=f"{call.module}.{short}" if call.module else short,
                op=call.known.name,
                target=call.known.target,
                module=call.module,
                inputs=call.sources,
                given=call.arguments,
                signature=call.known.arguments,
                takes=call.takes,
                settings=call.settings,
                shapes=call.shapes,
                dtype=call.dtype,
                params=call.parameters,
                live=call.live,
                counted=call.known.rule is not None,
                **call.counts.counts(),
            )
        )
    return tuple(operators)


def count_backward(done: BackwardPass) -> Backward:
    """Add up what autograd ran, by module."""
    operators = _operators(done.calls)
    macs_of: Counter[str] = Counter()
    for operator in operators:
        for path in upwards(operator.module):
            macs_of[path] += operator.macs
    total = sum(operators, start=Counts())
    return Backward(memory=done.peak, macs_of=dict(macs_of), uncounted=uncounted_in(operators), **total.counts())


def _peak(recording: Recording, operators: Sequence[Operator]) -> Peak:
    memory = recording.memory
    at = memory.peak_at
    if at == INPUT:
        return Peak(0, "", "", ())
    # What died while this operator ran died after its output was made: it was alive at the peak.
    alive = [
        a for a in memory.allocations if a.born <= at and (a.died is None or a.died > at or a.died == at != a.born)
    ]
    alive.sort(key=lambda allocation: -allocation.size)
    live = tuple((operators[allocation.born].name, allocation.size) for allocation in alive[:LARGEST])
    return Peak(memory.peak, operators[at].name, operators[at].module, live)
