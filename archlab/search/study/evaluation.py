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

from archlab.cost import Budget
from archlab.errors import ArchlabError
from archlab.nn import build, measure
from archlab.score import score
from archlab.search.candidate import Candidate, UserObjective, plain_details
from archlab.search.objective import Goal
from archlab.search.storage.interrupts import Interrupt
from archlab.search.study.outside_errors import OutsideError, find_outside_error
from archlab.user_effects import kept_folder, refused_exits
from archlab.user_place import place_of
from archlab.user_prints import forgiving_prints


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
    candidate: Candidate,
    goals: tuple[Goal, ...],
    budget: Budget,
    trial: optuna.Trial,
    threads: int,
    interrupt: Interrupt | None = None,
) -> Outcome:
    """Build ``candidate``, measure it where a budget or objective asks for that, and compute every objective.

    Whatever leaves a score or a user's objective is this candidate's failure, except for what is not its fault.

    Args:
        interrupt: shows whether the user wants to be gone.

    Raises:
        OutsideError: a full disk, or the like, which says nothing about the candidate.
        StorageInternalError: the storage failed while the objective reported to its trial.
        KeyboardInterrupt: the user's; by one that the objective raises itself, the candidate fails.
    """
    values: dict[str, float] = {}
    measured: dict[str, float] = {}
    details: dict[str, dict[str, Any]] = {}
    wanted = set(budget.measured.names) | {goal.name for goal in goals if goal.kind == "cost"}
    to_measure = [name for name in MEASUREMENTS if name in wanted and budget.measures(name)]
    goal_name = "build"
    try:
        module = None
        if to_measure or any(_needs_module(goal) for goal in goals):
            module = build(candidate.graph, seed=candidate.seed)
        for name in to_measure:
            goal_name = name
            assert module is not None
            measured[name] = MEASUREMENTS[name](module, candidate, threads)
            if not budget.allows(measured):
                return Outcome("over_budget", {}, measured, _beyond(budget, name, measured[name]))
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
    except BaseException as error:  # an objective is anybody's code: it may even exit
        is_interrupt = isinstance(error, KeyboardInterrupt) and not _raised_by(goals, error)
        _refuse_outside_error(error, is_interrupt or (interrupt is not None and interrupt.noticed))
        return Outcome("failed", {}, measured, _reason(goal_name, error), details)
    return Outcome("scored", values, measured, None, details)


def _needs_module(goal: Goal) -> bool:
    """Return whether an objective is computed on the built candidate: our own functions may build what they need."""
    return goal.kind != "cost" and not getattr(goal.function, "builds_its_own", False)


def _beyond(budget: Budget, name: str, value: float) -> str:
    """Return which limit on a metric a value breaks."""
    limit = dict(budget.limits).get(name)
    above = limit is not None and value > limit
    bound = dict(budget.limits if above else budget.floors)[name]
    return f"{name} is {'above' if above else 'below'} {budget.metric(name).format(bound)}"


def _raised_by(goals: tuple[Goal, ...], error: BaseException) -> bool:
    """Return whether an objective's own file raised ``error``, and not what it called."""
    files = {getattr(getattr(goal.function, "__code__", None), "co_filename", None) for goal in goals}
    return traceback.extract_tb(error.__traceback__)[-1].filename in files


def _refuse_outside_error(error: BaseException, is_interrupted: bool) -> None:
    """Raise what is not the candidate's failure.

    Raises:
        OutsideError, StorageInternalError, KeyboardInterrupt: as ``evaluate``.
    """
    if is_interrupted:
        # Also where it left the objective as another error: a process that it started was interrupted as well.
        raise error if isinstance(error, KeyboardInterrupt) else KeyboardInterrupt() from error
    outside = find_outside_error(error)
    if isinstance(outside, optuna.exceptions.StorageInternalError):
        raise outside
    if outside is not None:
        raise OutsideError(
            f"{_words(outside)}{_place(error)}: this is not the network's fault, so its trial is queued again; "
            "mend it, and the same command goes on"
        ) from error


def _value(
    goal: Goal, candidate: Candidate, module: GraphModule | None, trial: optuna.Trial, costs: dict[str, float]
) -> float:
    if goal.kind == "cost":
        return costs[goal.name]
    # What is not a score finds the device in the candidate: a function of the user's may have images of its own.
    if module is not None:
        module.to(candidate.device if goal.kind == "score" else "cpu")
    if goal.kind == "score":
        assert module is not None
        return score(goal.name, module, candidate.graph.input_shape, candidate.seed)
    assert goal.function is not None
    value = _call(goal, goal.function, module, candidate, trial)
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise _FailedError(f"it returned {_shown(value)}, not a number{_start_of(goal.function)}")
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise _FailedError(f"it returned {_shown(value)}: {_words(error)}{_start_of(goal.function)}") from error


def _call(
    goal: Goal, function: UserObjective, module: GraphModule | None, candidate: Candidate, trial: optuna.Trial
) -> object:
    """Return what an objective returns, whatever it does to the process besides."""
    exits: list[str] = []
    try:
        with kept_folder(goal.folder), forgiving_prints(), refused_exits() as exits:
            value: object = function(module, candidate, trial)  # type: ignore[arg-type]  # None where it builds its own
    except SystemExit as error:
        if not exits:
            raise
        raise _FailedError(f"it called {exits[0]}") from error
    if exits:  # in a thread, or it went on
        raise _FailedError(f"it called {exits[0]}")
    return value


class _FailedError(Exception):
    """A candidate has failed with this reason, which holds the user's line where there is one."""


def _reason(goal_name: str, error: BaseException) -> str:
    """Return an exception in one line, with the user's line that raised it."""
    if isinstance(error, ArchlabError):
        return error.one_line
    if isinstance(error, _FailedError):
        return f"{goal_name}: {error}"
    return f"{goal_name}: {_words(error)}{_place(error)}"


def _words(error: BaseException) -> str:
    try:
        words = " ".join(str(error).split())
    except Exception:  # a class of the user's may do anything
        words = "an error without words"
    return (f"{type(error).__name__}: {words}" if words else type(error).__name__)[:500]


def _place(error: BaseException) -> str:
    place = place_of(error)
    return f" ({Path(place.source).name}:{place.line})" if place else ""


def _start_of(function: object) -> str:
    code = getattr(function, "__code__", None)
    return f" ({Path(code.co_filename).name}:{code.co_firstlineno})" if code is not None else ""


def _shown(value: object) -> str:
    try:
        return " ".join(repr(value).split())[:200]
    except Exception:
        return f"an object of the class {type(value).__name__}"
