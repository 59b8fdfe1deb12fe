"""Which part of a trace an output needs: what it reads of the model, and what that costs."""

from __future__ import annotations

from archlab.audit.operands import Argument, Held
from archlab.lift.canonical.stale import outputs_in
from archlab.lift.trace import Trace


def needed_calls(trace: Trace, outputs: tuple[Argument, ...]) -> tuple[int, ...]:
    """Return the numbers of the calls that these outputs come from."""
    seen: set[int] = set()
    waiting = [output.call for output in outputs_in(outputs)]
    while waiting:
        call = waiting.pop()
        if call >= 0 and call not in seen:
            seen.add(call)
            waiting += [read.call for read in outputs_in(tuple(trace.calls[call].arguments.values()))]
    return tuple(sorted(seen))


def parameters_read(trace: Trace, calls: tuple[int, ...]) -> frozenset[str]:
    """Return the names of the parameters that these calls read."""
    found: set[str] = set()
    for call in calls:
        waiting: list[Argument] = list(trace.calls[call].arguments.values())
        while waiting:
            match waiting.pop():
                case Held(name):
                    found.add(name)
                case tuple() as several:
                    waiting += several
    return frozenset(found & trace.parameters)
