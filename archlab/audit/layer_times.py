"""How long each module takes on this machine, beside what an audit counts in it.

The real forward runs for this, with the weights that the model has, warm and several times. Time belongs to the module
that runs, and to those that it stands in by their paths, as MACs do. No hook is set: which module runs is noted around
every call, which costs some microseconds a call.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import torch
from torch import nn

from archlab.audit.audit_result import Audit
from archlab.audit.module_totals import upwards
from archlab.audit.roof import measure_roof
from archlab.audit.tracing.copy_inputs import copy_inputs
from archlab.audit.tracing.modules_followed import module_names, modules_followed
from archlab.audit.tracing.preserve import preserve_model, set_mode
from archlab.audit.tracing.recording import Recording
from archlab.errors import AuditError, InputError
from archlab.nn.latency import summary, warm_runs

Clock = Callable[[], float]


def with_latency(
    audit: Audit,
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    clock: Clock = time.perf_counter,
    runs: int = 30,
) -> Audit:
    """Add to an audit how long the model and each of its modules take, on as many threads as torch has, and the roof.

    The model runs in evaluation mode. What its forward changes about it by assignment is put back; the memory of its
    tensors is not, so give a copy where that matters.

    Args:
        audit: of this model and these arguments.
        clock: returns seconds.
        runs: how many warm runs; fewer where they are slow.

    Raises:
        InputError: the model has no data, or is on another device than the processor.
        AuditError: its forward fails.
    """
    model = getattr(model, "_orig_mod", model)
    _refuse_elsewhere(model)
    watch = _Watch(clock)
    each: list[dict[str, float]] = []

    def run() -> float:
        given, named, _ = copy_inputs(args, kwargs, lambda tensor: tensor.detach().clone())
        with modules_followed(module_names(model), watch.recording, watch.turn):
            watch.begin()
            model(*given, **named)
            each.append(watch.end())
        return sum(each[-1].values())

    try:
        with preserve_model(model), _nothing_compiled(), torch.inference_mode():
            set_mode(model, False)
            seconds = warm_runs(run, runs=runs, clock=clock)
    except (KeyboardInterrupt, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # a model is anybody's code: it may even exit
        said = (str(error).strip().splitlines() or [""])[0][:200]
        raise AuditError(
            f"its time cannot be measured, since the real forward fails: {type(error).__name__}: {said}"
        ) from error
    whole = summary(seconds, torch.get_num_threads())
    return _with_times(dataclasses.replace(audit, latency=whole, roof=measure_roof()), each[-len(seconds) :])


def _with_times(audit: Audit, each: Sequence[dict[str, float]]) -> Audit:
    totals: list[dict[str, float]] = []
    for own in each:
        total: dict[str, float] = {}
        for path, seconds in own.items():
            for above in upwards(path):
                total[above] = total.get(above, 0.0) + seconds
        totals.append(total)
    modules = tuple(
        dataclasses.replace(
            module,
            latency=median(total.get(module.path, 0.0) for total in totals),
            own_latency=median(own.get(module.path, 0.0) for own in each),
        )
        for module in audit.modules
    )
    return dataclasses.replace(audit, modules=modules)


class _Watch:
    """Share the time of a run out to the modules that ran."""

    def __init__(self, clock: Clock) -> None:
        self.recording = Recording()
        self._clock = clock
        self._own: dict[str, float] = {}
        self._path = ""
        self._since = 0.0

    def begin(self) -> None:
        """Start a run: the time until the first module is called is the model's own."""
        self._own, self._path = {}, ""
        self._since = self._clock()

    def turn(self) -> None:
        """Note that another module runs from here on."""
        now = self._clock()
        self._own[self._path] = self._own.get(self._path, 0.0) + now - self._since
        self._path = self.recording.stack[-1] if self.recording.stack else ""
        self._since = now

    def end(self) -> dict[str, float]:
        """End the run; return each module's own seconds, by path."""
        self.turn()
        return self._own


def _refuse_elsewhere(model: nn.Module) -> None:
    devices = {str(tensor.device) for tensor in (*model.parameters(), *model.buffers())} - {"cpu"}
    if "meta" in devices:
        raise InputError("the time of a model without data cannot be measured", hint="build it on a real device")
    if devices:
        raise InputError(
            f"times are measured on the processor, and the model is on {', '.join(sorted(devices))}",
            hint="give a copy on it: copy.deepcopy(model).cpu()",
        )


@contextlib.contextmanager
def _nothing_compiled() -> Iterator[None]:
    """Run what is compiled as what it was compiled from, as the audit does."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
