"""One search of a table of trained networks, looked up in place of training, and kept so that it is run once."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from archlab.cost import Budget
from archlab.elaborate import Interpreter, Value
from archlab.files import write_atomic
from archlab.search.closed_form import find_smallest
from archlab.search.counter import Counter
from archlab.search.sampler.counted_network import Key
from archlab.search.sampler.drawn_memory import DrawnMemory
from archlab.search.sampler.screen import ScreenSampler
from archlab.search.trial_draw import FromTrial
from benchmarks import macro, nasbench201
from benchmarks.macro import Table


@functools.cache
def tables() -> dict[str, Table]:
    """Return the tables that are here, by name."""
    found = {"macro": macro.read_table()} if macro.TABLE.exists() else {}
    cells = nasbench201.read_tables() if nasbench201.CSV.exists() else {}
    return found | {f"nb201_{name}": table for name, table in cells.items()}


@functools.cache
def counted_before(interpreter: Interpreter, *around: object) -> tuple[DrawnMemory, dict[Key, str]]:  # noqa: ARG001
    """Return what searches of one space have counted, ``around`` being all else that it depends on."""
    return DrawnMemory(most=100_000), {}


def share_counting(sampler: ScreenSampler, *around: object) -> None:
    """Let a sampler find what others have counted, so that a benchmark counts it once: the searches stay the same."""
    drawer = sampler._drawer
    drawer._memory, drawer._digests = counted_before(drawer.counter.interpreter, *around)


@dataclass
class Run:
    """One search: what each evaluation gave, in order."""

    accuracies: list[float]
    flops: list[int]
    repeated: int
    cpu_seconds: float


def kept(path: Path | None, make: Callable[[], Run]) -> Run:
    """Return the search that ``path`` holds, else a new one, left there: so that hours of searches can be stopped."""
    if path is not None and path.exists():
        return Run(**json.loads(path.read_text(encoding="utf-8")))
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(asdict(made)))
    return made


def search(
    table: Table,
    sampler: optuna.samplers.BaseSampler,
    budget: Budget,
    seed: int,
    evaluations: int,
    smallest_first: bool = False,
    two: bool = False,
) -> Run:
    """Run ``evaluations`` paid evaluations; ``two``: also for least FLOPs. An infeasible draw is paid for."""
    options: dict[str, Any] = {"directions": ["maximize", "minimize"] if two else ["maximize"]}
    study = optuna.create_study(sampler=sampler, **options)
    if smallest_first:
        study.enqueue_trial(dict(find_smallest(Counter(table.interpreter, budget), seed).draws))
    result = Run([], [], 0, 0.0)
    seen: set[tuple[Value, ...]] = set()
    limits = dict(budget.limits)
    began = time.process_time()
    for _ in range(evaluations):
        trial = study.ask()
        key = table.key_of(FromTrial(trial))
        result.repeated += key in seen
        seen.add(key)
        flops = table.flops.get(key, 0)
        accuracy = table.accuracy.get(key, 0.0)  # no way through the cell: it learns nothing
        for metric, limit in limits.items():
            trial.set_constraint(metric, flops / limit - 1)
        result.accuracies.append(accuracy)
        result.flops.append(flops)
        study.tell(trial, [accuracy, float(flops)] if two else accuracy)
    result.cpu_seconds = time.process_time() - began
    return result


def best_so_far(result: Run, limit: float) -> np.ndarray:
    """Return the best feasible accuracy after each evaluation."""
    pairs = zip(result.accuracies, result.flops, strict=True)
    return np.maximum.accumulate([a if f <= limit else 0.0 for a, f in pairs])
