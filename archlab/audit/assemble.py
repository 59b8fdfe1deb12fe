"""From a recorded pass to an ``Audit``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archlab.audit.counted import Operator
from archlab.audit.forward import Pass
from archlab.audit.modules import modules_of, shared_of, weights_of
from archlab.audit.record import INPUT, Recording
from archlab.audit.result import Audit, Input, Part, Peak

LARGEST = 8


def assemble(name: str, done: Pass, parts: tuple[Part, ...] = (), notes: tuple[str, ...] = ()) -> Audit:
    """The audit of the model that ``done`` ran."""
    model, recording = done.model, done.recording
    operators = _operators(recording)
    weights = weights_of(model)
    modules = modules_of(model, weights, operators, recording.entered)
    distinct = {names[0]: key for key, names in weights.names.items()}
    parameters = [p for n, p in model.named_parameters(remove_duplicate=False) if n in distinct]
    return Audit(
        name=name,
        kind=type(model).__name__,
        inputs=tuple(Input(n, tuple(t.shape), str(t.dtype).removeprefix("torch.")) for n, t in done.inputs),
        params=modules[0].params,
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        param_bytes=sum(p.numel() * p.element_size() for p in parameters),
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
        parts=parts,
        notes=notes,
    )


def _operators(recording: Recording) -> tuple[Operator, ...]:
    """The calls with names: paths that are unique and tell where each stands."""
    totals = Counter((call.module, call.op) for call in recording.calls)
    seen: Counter[tuple[str, str]] = Counter()
    operators = []
    for call, traffic in zip(recording.calls, recording.traffic, strict=True):
        where = call.module, call.op
        number = f"_{seen[where]}" if totals[where] > 1 else ""
        seen[where] += 1
        short = call.op.rpartition("::")[2] + number
        operators.append(
            Operator(
                f"{call.module}.{short}" if call.module else short,
                call.op,
                call.target,
                call.module,
                call.sources,
                traffic.shapes,
                traffic.dtype,
                call.parameters,
                *call.count,
                traffic.read,
                traffic.written,
                traffic.live,
                call.counted,
            )
        )
    return tuple(operators)


def _peak(recording: Recording, operators: Sequence[Operator]) -> Peak:
    memory = recording.memory
    at = memory.peak_at
    if at == INPUT:
        return Peak(0, "", "", ())
    # What died while this operator ran died after its output was made: it was alive at the peak.
    alive = [b for b in memory.blocks if b.born <= at and (b.died is None or b.died > at or b.died == at != b.born)]
    alive.sort(key=lambda block: -block.size)
    live = tuple((operators[block.born].name, block.size) for block in alive[:LARGEST])
    return Peak(memory.peak, operators[at].name, operators[at].module, live)
