"""A stage's study as a process carries it out: opened or resumed, filled, and given its sampler and pruner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import optuna

from archlab.elaborate import Interpreter
from archlab.search.plan import Note, Plan, Stage
from archlab.search.result import Trial
from archlab.search.sampler import make_sampler
from archlab.search.sampler.queue_sampler import QueueSampler
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.open_storage import Opened
from archlab.search.storage.open_study import open_study
from archlab.search.storage.put_back import judge_again
from archlab.search.storage.trial_record import SETUP, SOURCE, sources_in
from archlab.search.study.carried_plan import identity_of, setup_of
from archlab.search.study.code_versions import record_code, refuse_changed_code
from archlab.search.study.loop import Search
from archlab.search.study.pruner import make_pruner


def open_stage(
    plan: Plan, stage: Stage, opened: Opened, interpreter: Interpreter, candidates: Sequence[Trial] = ()
) -> Search:
    """Open or resume a stage's study, with ``candidates`` in its queue but for those that are there already.

    Raises:
        BudgetError: no network of the space meets the budget.
        InputError: the study belongs to another search, was judged by other code, or cannot be read.
    """
    identity, setup = identity_of(plan, stage), setup_of(plan, stage)
    directions = [objective.direction for objective in stage.objectives]
    study = open_study(opened, stage.study, identity, directions)
    if not plan.accept_changed_code:
        _refuse_changed_code(plan.stages[stage.number - 1 :], opened)
    record_code(study, stage.goals, stage.own)
    trials = study.get_trials(deepcopy=False)
    if plan.retry_failed:
        judge_again(study)
    if stage.number > 1:
        there = set(sources_in(study).values())
        for trial in candidates:
            if trial.number not in there:
                study.enqueue_trial(dict(trial.draws), user_attrs={SOURCE: trial.number})
        # Counted afterwards: another process may have opened the stage at the same time.
        stage = replace(stage, trials=len(set(sources_in(study).values())))
    setup["trials"] = stage.trials
    if study.user_attrs.get(SETUP) != setup:
        # Written last: it shows workers that the stage is open.
        study.set_user_attr(SETUP, setup)
    return open_search(stage, study, interpreter, opened.liveness, len(trials), plan.note)


def _refuse_changed_code(stages: Iterable[Stage], opened: Opened) -> None:
    """Refuse stages that other code has judged, later ones too: what they need is known before the first trial."""
    names = optuna.get_all_study_names(opened.storage)
    for stage in stages:
        if stage.study in names:
            study = optuna.load_study(study_name=stage.study, storage=opened.storage)
            refuse_changed_code(study, stage.goals, stage.own, opened.address.where)


def open_search(
    stage: Stage,
    study: optuna.Study,
    interpreter: Interpreter,
    liveness: Liveness,
    stream: int,
    note: Note | None,
) -> Search:
    """Give ``study`` the stage's sampler and pruner, and take in what is in it.

    Args:
        stream: what Optuna's samplers mix with the seed, different in each process.
        note: called with sentences about what is amiss.

    Raises:
        BudgetError: no network of the space meets the budget.
    """
    if stage.number > 1:
        study.sampler = QueueSampler()
    else:
        study.sampler = make_sampler(
            stage.sampler, interpreter, stage.budget, stage.seed, stage.metrics, stream, note, stage.own
        )
    study.pruner = make_pruner(stage.pruner or ("median" if stage.number == 1 else "halving"))
    search = Search(stage, study, interpreter, liveness)
    search.stream = stream
    return search
