"""A search from its first stage to its last: each stage's study opened or resumed, filled and carried out."""

from __future__ import annotations

import contextlib
import importlib.metadata
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import optuna
from optuna.trial import FrozenTrial

from archlab.elaborate import Interpreter
from archlab.result import Objective, SearchStage, Trial
from archlab.search.closed_form import costs_of
from archlab.search.history import INTERRUPTED, TIME_IS_UP, History, Watch
from archlab.search.plan import Plan
from archlab.search.record import SOURCE
from archlab.search.stages.equip import equip
from archlab.search.stages.keep import ranked
from archlab.search.storage import Opened, open_study
from archlab.search.study import Search
from archlab.search.workers.setup import write_setup
from archlab.search.workers.start import run_workers

Progress = Callable[[Plan], AbstractContextManager[Watch]]


@dataclass(frozen=True, slots=True)
class Funnel:
    """What came of all stages.

    Attributes:
        study, history: the first stage's.
        trials: the first stage's in order, with what later stages found of them.
        stages: those that were opened.
        objectives: of each of these.
        smallest: cost of the network that the search began with.
        interrupted: why it ended before it was done; None where it was.
    """

    study: optuna.Study
    history: History
    trials: tuple[Trial, ...]
    stages: tuple[SearchStage, ...]
    objectives: tuple[tuple[Objective, ...], ...]
    smallest: dict[str, float]
    interrupted: str | None


def run_stages(plan: Plan, opened: Opened, interpreter: Interpreter, progress: Progress | None) -> Funnel:
    """Carries out every stage of ``plan``, or what is left of it.

    A stage is opened when the one before is done. Where that was interrupted, a later one that was opened in an
    earlier run is read, and not gone on with.
    """
    began = time.monotonic()
    progress = progress or (lambda _: contextlib.nullcontext(lambda *_: None))
    first = _open(plan, opened, interpreter, ())
    with progress(plan) as watch:
        history = _carry_out(plan, first, watch)
    trials = {trial.number: trial for trial in sorted(history.trials, key=lambda trial: trial.number)}
    interrupted = history.interrupted
    goals = [tuple(goal.objective for goal in plan.goals)]
    stages = [_stage(plan, history, history.spent)]
    for number, (name, later) in enumerate(zip(plan.later_studies, plan.then, strict=True), start=2):
        stopped = interrupted in (INTERRUPTED, TIME_IS_UP)
        if stopped and name not in optuna.get_all_study_names(opened.storage):
            break
        before = [t for t in trials.values() if t.state == "scored" and all(o.name in t.values for o in goals[-1])]
        chosen = [] if stopped else ranked(before, goals[-1])[: later.keep.of(len(before))]
        left = None if plan.timeout is None else max(0.0, plan.timeout - (time.monotonic() - began))
        stage = replace(plan, goals=(later.goal,), budget=plan.budget.closed_form, timeout=left, study=name,
                        then=(), stage=number, trials=0)  # fmt: skip
        after = [objective.name for objectives in goals for objective in objectives]
        search = _open(stage, opened, interpreter, chosen, after)
        if not stopped:
            with progress(search.plan) as watch:
                interrupted = _carry_out(search.plan, search, watch).interrupted or interrupted
        trials |= _merged(trials, search, number)
        stages[-1] = replace(stages[-1], survivors=search.plan.trials)
        stages.append(_stage(search.plan, search.history, search.plan.trials))
        goals.append((later.goal.objective,))
    return Funnel(
        first.study, history, tuple(trials.values()), tuple(stages), tuple(goals), costs_of(first.start), interrupted
    )


def _open(
    plan: Plan, opened: Opened, interpreter: Interpreter, candidates: Sequence[Trial], after: Sequence[str] = ()
) -> Search:
    """A stage's study with ``candidates`` in its queue; those that are there already are not queued again."""
    identity = plan.identity(importlib.metadata.version("archlab"))
    if plan.stage > 1:
        identity["after"] = list(after)
    directions = [goal.objective.direction for goal in plan.goals]
    study = open_study(opened.storage, plan.study_name, identity, directions, opened.where)
    trials = study.get_trials(deepcopy=False)
    if plan.stage > 1:
        there = set(_sources(trials).values())
        new = [trial for trial in candidates if trial.number not in there]
        for trial in new:
            study.enqueue_trial(dict(trial.draws), user_attrs={SOURCE: trial.number})
        plan = replace(plan, trials=len(there) + len(new))
    # Written last: it tells workers that the stage is open.
    write_setup(study, plan)
    equip(study, plan, interpreter, len(trials))
    return Search(plan, study, interpreter, opened.liveness)


def _carry_out(plan: Plan, search: Search, watch: Watch) -> History:
    if plan.workers > 1 and search.history.spent < plan.trials:
        run_workers(plan, search, plan.workers, watch, plan.note or (lambda _: None))
        return search.history
    return search.run(watch)


def _stage(plan: Plan, history: History, candidates: int) -> SearchStage:
    """A stage in numbers; who survives it, the next one tells."""
    ends = [trial.state for trial in history.trials]
    return SearchStage(
        plan.study_name,
        tuple(goal.name for goal in plan.goals),
        candidates,
        ends.count("scored"),
        ends.count("pruned"),
        ends.count("failed"),
        0,
        round(sum(trial.seconds for trial in history.trials), 4),
    )


def _merged(trials: dict[int, Trial], search: Search, stage: int) -> dict[int, Trial]:
    """The trials that a later stage has judged, with what it found."""
    sources = _sources(search.study.get_trials(deepcopy=False))
    found = {}
    for end in search.history.trials:
        trial = trials[sources[end.number]]
        reason = (
            None
            if end.state == "scored"
            else f"{end.state} in stage {stage}" + (f": {end.reason}" if end.reason else "")
        )
        found[trial.number] = replace(
            trial,
            cost={**trial.cost, **end.cost},
            values={**trial.values, **end.values},
            details={**trial.details, **end.details},
            seconds=round(trial.seconds + end.seconds, 4),
            reached=stage,
            reason=reason,
        )
    return found


def _sources(trials: Iterable[FrozenTrial]) -> dict[int, int]:
    """Return for each queued trial of a later stage the number of the first stage's trial that it judges.

    A worker that comes when another has just taken the last of the queue leaves a trial without one, which failed.
    """
    return {trial.number: trial.user_attrs[SOURCE] for trial in trials if SOURCE in trial.user_attrs}
