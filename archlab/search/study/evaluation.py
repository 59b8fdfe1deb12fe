"""One candidate's evaluation: what it is built for, in what order, and how each failure is recorded."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import optuna
from torch.fx import GraphModule

from archlab.cost import METRICS, Budget
from archlab.errors import ArchlabError
from archlab.nn import build, measure
from archlab.score import score
from archlab.search.candidate import Candidate, plain_details
from archlab.search.objective import Goal


def _latency(module: GraphModule, candidate: Candidate, threads: int) -> float:
    return measure(module, candidate.graph.input_shape, threads=threads).median


MEASUREMENTS: dict[str, Callable[[GraphModule, Candidate, int], float]] = {"latency": _latency}
"""How each metric of ``archlab.cost.METRICS`` that is measured is measured: of a module, on so many threads."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an evaluation ended: values and details by objective, costs measured on the way, or the reason."""

    state: Literal["scored", "over_budget", "failed", "pruned"]
    values: dict[str, float]
    measured: dict[str, float]
    reason: str | None = None
    details: dict[str, dict[str, Any]] = field(default_factory=dict)


def evaluate(
    candidate: Candidate, goals: tuple[Goal, ...], budget: Budget, trial: optuna.Trial, threads: int
) -> Outcome:
    """Build ``candidate``, measure it where a budget or objective asks for that, and compute every objective.

    An exception of a score or of a user's objective is this candidate's failure; KeyboardInterrupt passes through.
    """
    values: dict[str, float] = {}
    measured: dict[str, float] = {}
    details: dict[str, dict[str, Any]] = {}
    wanted = {name for name, _ in budget.measured.limits} | {goal.name for goal in goals if goal.kind == "cost"}
    to_measure = [name for name in MEASUREMENTS if name in wanted]
    goal_name = "build"
    try:
        module = None
        if to_measure or any(goal.kind != "cost" for goal in goals):
            module = build(candidate.graph, seed=candidate.seed)
        for name in to_measure:
            goal_name = name
            assert module is not None
            measured[name] = MEASUREMENTS[name](module, candidate, threads)
            if not budget.allows(measured):
                limit = METRICS[name].format(dict(budget.limits)[name])
                return Outcome("over_budget", {}, measured, f"{name} is above {limit}")
        for goal in goals:
            goal_name = goal.name
            given = replace(candidate, details={})
            try:
                values[goal.name] = _value(goal, given, module, trial, {**candidate.cost, **measured})
            finally:
                if given.details:
                    details[goal.name] = plain_details(given.details)
            if not math.isfinite(values[goal.name]):
                return Outcome("failed", {}, measured, f"{goal.name} is {values[goal.name]}", details)
    except optuna.TrialPruned as pruned:
        return Outcome("pruned", {}, measured, str(pruned) or None, details)
    except ArchlabError as error:
        return Outcome("failed", {}, measured, error.one_line, details)
    except (Exception, SystemExit) as error:  # an objective is anybody's code: it may even exit
        return Outcome("failed", {}, measured, f"{goal_name}: {_where(error)}", details)
    return Outcome("scored", values, measured, None, details)


def _value(
    goal: Goal, candidate: Candidate, module: GraphModule | None, trial: optuna.Trial, costs: dict[str, float]
) -> float:
    if goal.kind == "cost":
        return costs[goal.name]
    assert module is not None
    if goal.kind == "score":
        return score(goal.name, module, candidate.graph.input_shape, candidate.seed)
    assert goal.function is not None
    value = goal.function(module, candidate, trial)
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"it returned {value!r}, not a number")
    return float(value)


def _where(error: BaseException) -> str:
    """Return an exception in one line, with the place in the user's code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500] + place
