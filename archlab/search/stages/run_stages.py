"""A search from its first stage to its last: each stage's study opened or resumed, filled and carried out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import optuna

from archlab.elaborate import Interpreter
from archlab.search.closed_form import costs_of
from archlab.search.plan import Plan, Stage
from archlab.search.result import Objective, SearchStage, Trial
from archlab.search.stages.ranking import rank_trials
from archlab.search.storage.open_storage import Opened
from archlab.search.storage.open_study import open_study
from archlab.search.storage.record import SETUP, SOURCE
from archlab.search.study.carried_plan import identity_of, setup_of
from archlab.search.study.history import INTERRUPTED, TIME_IS_UP, History, Progress
from archlab.search.study.loop import Search
from archlab.search.study.open_search import open_search
from archlab.search.workers.start import Workers


@dataclass(frozen=True, slots=True)
class Funnel:
    """The results of all stages.

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


def run_stages(
    plan: Plan, opened: Opened, interpreter: Interpreter, workers: Workers | None, progress: Progress
) -> Funnel:
    """Carry out every stage of ``plan``, or what is left of it.

    A stage is opened when the one before is done. Where that was interrupted, a later one that was opened in an
    earlier run is read, and not continued.

    Args:
        workers: processes that evaluate; None for this one.
    """
    began = time.monotonic()
    search = first = _open(plan, plan.stages[0], opened, interpreter, ())
    history = _carry_out(first, workers, progress)
    trials = {trial.number: trial for trial in sorted(history.trials, key=lambda trial: trial.number)}
    interrupted = history.interrupted
    goals = [_objectives(first.stage)]
    stages = [_in_numbers(first.stage, history, history.evaluated)]
    for stage in plan.stages[1:]:
        stopped = interrupted in (INTERRUPTED, TIME_IS_UP)
        if stopped and stage.study not in optuna.get_all_study_names(opened.storage):
            break
        assert stage.keep is not None
        before = [t for t in trials.values() if t.state == "scored" and all(o.name in t.values for o in goals[-1])]
        chosen = [] if stopped else rank_trials(before, goals[-1])[: stage.keep.of(len(before))]
        if first.stage.timeout is not None:
            stage = replace(stage, timeout=max(0.0, first.stage.timeout - (time.monotonic() - began)))
        search = _open(plan, stage, opened, interpreter, chosen)
        if not stopped:
            interrupted = _carry_out(search, workers, progress).interrupted or interrupted
        trials |= _merged(trials, search)
        stages[-1] = replace(stages[-1], survivors=search.stage.trials)
        stages.append(_in_numbers(search.stage, search.history, search.stage.trials))
        goals.append(_objectives(stage))
    return Funnel(
        first.study, history, tuple(trials.values()), tuple(stages), tuple(goals), costs_of(first.start), interrupted
    )


def _open(plan: Plan, stage: Stage, opened: Opened, interpreter: Interpreter, candidates: Sequence[Trial]) -> Search:
    """Open a stage's study with ``candidates`` in its queue; those that are there already are not queued again."""
    directions = [goal.objective.direction for goal in stage.goals]
    study = open_study(opened.storage, stage.study, identity_of(plan, stage), directions, opened.where)
    trials = study.get_trials(deepcopy=False)
    if stage.number > 1:
        there = {trial.user_attrs[SOURCE] for trial in trials}
        new = [trial for trial in candidates if trial.number not in there]
        for trial in new:
            study.enqueue_trial(dict(trial.draws), user_attrs={SOURCE: trial.number})
        stage = replace(stage, trials=len(there) + len(new))
    setup = setup_of(plan, stage)
    if study.user_attrs.get(SETUP) != setup:
        # Written last: it shows workers that the stage is open.
        study.set_user_attr(SETUP, setup)
    return open_search(stage, study, interpreter, opened.liveness, len(trials), plan.note)


def _carry_out(search: Search, workers: Workers | None, progress: Progress) -> History:
    with progress(search.stage) as watch:
        if workers is not None and search.history.evaluated < search.stage.trials:
            workers.carry_out(search, watch)
            return search.history
        return search.run(watch)


def _objectives(stage: Stage) -> tuple[Objective, ...]:
    return tuple(goal.objective for goal in stage.goals)


def _in_numbers(stage: Stage, history: History, candidates: int) -> SearchStage:
    """Return a stage in numbers; how many survive it, the next one shows."""
    ends = [trial.state for trial in history.trials]
    return SearchStage(
        stage.study,
        tuple(goal.name for goal in stage.goals),
        candidates,
        ends.count("scored"),
        ends.count("pruned"),
        ends.count("failed"),
        0,
        round(sum(trial.seconds for trial in history.trials), 4),
    )


def _merged(trials: dict[int, Trial], search: Search) -> dict[int, Trial]:
    """Return the trials that a later stage has judged, with what it found."""
    stage = search.stage.number
    sources = {trial.number: trial.user_attrs[SOURCE] for trial in search.study.get_trials(deepcopy=False)}
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
