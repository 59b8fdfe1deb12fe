"""A search from its first stage to its last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import optuna

from archlab.elaborate import Interpreter
from archlab.search.estimates import promising
from archlab.search.plan import Plan, Stage
from archlab.search.result import Trial
from archlab.search.stages.ranking import rank_trials
from archlab.search.stages.stage_results import Funnel, merge_found, stages_in_numbers
from archlab.search.storage.open_storage import Opened
from archlab.search.storage.trial_record import sources_in
from archlab.search.study.code_versions import code_changes
from archlab.search.study.history import INTERRUPTED, TIME_IS_UP, History, Progress, Watch
from archlab.search.study.loop import Search
from archlab.search.study.open_search import open_stage

CarryOut = Callable[[Search, Watch], History]
"""Carries out what is left of a stage: in this process, or by workers."""


def run_stages(plan: Plan, opened: Opened, interpreter: Interpreter, carry_out: CarryOut, progress: Progress) -> Funnel:
    """Carry out every stage of ``plan``, or what is left of it.

    A stage is opened when the one before is done. Where that was interrupted, a later one that was opened in an
    earlier run is read, and not continued.
    """
    began = time.monotonic()
    first = open_stage(plan, plan.stages[0], opened, interpreter)
    # Read here: a server that is left by an interrupt answers no more.
    changes = [code_changes(first.study)]
    with progress(first.stage) as watch:
        history = carry_out(first, watch)
    trials = {trial.number: trial for trial in sorted(history.trials, key=lambda trial: trial.number)}
    interrupted = history.interrupted
    done = [first]
    for stage in plan.stages[1:]:
        stopped = interrupted in (INTERRUPTED, TIME_IS_UP)
        if stopped and stage.study not in optuna.get_all_study_names(opened.storage):
            break
        assert stage.keep is not None
        objectives = done[-1].stage.objectives
        before = [t for t in trials.values() if _came_through(t, done[-1].stage)]
        ranked = before
        if stage.again and not done[-1].stage.again and not stopped:
            noisy = [goal.objective for goal in stage.goals if goal.kind != "cost"]
            ranked = promising(before, noisy, interpreter)
        chosen = [] if stopped else rank_trials(ranked, objectives)[: stage.keep.kept_of(len(before))]
        if first.stage.timeout is not None:
            stage = replace(stage, timeout=max(0.0, first.stage.timeout - (time.monotonic() - began)))
        search = open_stage(plan, stage, opened, interpreter, chosen)
        changes.append(code_changes(search.study))
        if not stopped:
            with progress(search.stage) as watch:
                interrupted = carry_out(search, watch).interrupted or interrupted
        done.append(search)
        sources = sources_in(search.study)
        trials |= merge_found(trials, search.history.trials, sources, stage.number, stage.again)
    numbers = stages_in_numbers([(search.stage, search.history) for search in done])
    stages = tuple(replace(one, code_changes=each) for one, each in zip(numbers, changes, strict=True))
    return Funnel(
        first.study,
        history,
        tuple(trials.values()),
        stages,
        tuple(search.stage.objectives for search in done),
        first.counter.count(first.start).costs,
        interrupted,
    )


def _came_through(trial: Trial, stage: Stage) -> bool:
    """Return whether a stage has a value of a trial by each of its objectives."""
    has_values = trial.state == "scored" and all(o.name in trial.values for o in stage.objectives)
    return has_values and (not stage.again or (trial.reached == stage.number and trial.reason is None))
