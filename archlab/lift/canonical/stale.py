"""Tensors whose memory was changed through another: whoever reads them sees what the trace does not tell.

An in-place operator gives the tensor that it wrote to, and the trace follows that. But a view of the same memory, made
before, changes as well. Reading such a view is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from archlab.audit.operands import Argument, Output
from archlab.lift.canonical.values import UnsayableError
from archlab.lift.trace import Call, Trace


@dataclass(slots=True)
class Stale:
    """Which tensors share memory, and which of them were changed behind the trace's back."""

    _group: dict[Output, Output] = field(default_factory=dict)
    _members: dict[Output, list[Output]] = field(default_factory=dict)
    _changed: dict[Output, int] = field(default_factory=dict)

    def check(self, call: Call, trace: Trace) -> None:
        """Refuse a call that reads what was changed through another tensor."""
        for read in outputs_in(tuple(call.arguments.values())):
            if read in self._changed:
                by = trace.calls[self._changed[read]]
                raise UnsayableError(f"it reads what {by.op} in {by.module or 'the model'} changes in place")

    def check_output(self, read: Output) -> None:
        """Refuse an output that was changed through another tensor."""
        if read in self._changed:
            raise UnsayableError("it was changed in place through a view of it")

    def run(self, number: int, call: Call) -> None:
        """Note what a call's outputs share memory with, and what it changes."""
        arguments = call.arguments
        first = next(iter(arguments.values()), None)
        for name in call.writes:
            for written in outputs_in((arguments.get(name),)):
                group = self._group.get(written, written)
                for member in (group, *self._members.get(group, ())):
                    self._changed[member] = number
                self._join(group, number, call)
        if call.views and not call.writes and isinstance(first, Output):
            self._join(self._group.get(first, first), number, call)

    def _join(self, group: Output, number: int, call: Call) -> None:
        for index in range(len(call.shapes)):
            self._group[Output(number, index)] = group
            self._members.setdefault(group, []).append(Output(number, index))


def outputs_in(arguments: Any) -> Iterator[Output]:
    """Yield the tensors among arguments that the pass computed."""
    argument: Argument
    for argument in arguments:
        if isinstance(argument, Output):
            yield argument
        elif isinstance(argument, tuple):
            yield from outputs_in(argument)
