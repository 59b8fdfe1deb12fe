"""A search from plan to result: the study opened or resumed, run, and its best written down."""

from __future__ import annotations

import datetime
import time
from contextlib import nullcontext
from dataclasses import replace

from archlab.elaborate import Fixed, Interpreter
from archlab.errors import InputError
from archlab.files import make_folder, write_atomic
from archlab.grammar import unparse
from archlab.search.detection import read_data
from archlab.search.environment import machine_line, versions
from archlab.search.finalists import choose, finalist, write_finalists
from archlab.search.history import History
from archlab.search.importance import importance
from archlab.search.notes import write_notes
from archlab.search.plan import Plan
from archlab.search.quiet import quiet_optuna, storage_errors
from archlab.search.result import DataShown, Finalist, SearchResult, Trial, to_json
from archlab.search.shown import data_shown
from archlab.search.stages.funnel import Funnel, Progress, run_stages
from archlab.search.storage import open_storage


def run_search(plan: Plan, progress: Progress | None = None) -> SearchResult:
    """Carries out ``plan``, or what is left of it, and writes ``result.json`` and the finalists to its folder.

    The study is written as it goes, so that the same plan resumes it after any end, and a killed process loses the
    trial that it was at.

    Args:
        progress: told of what goes on, anew for each stage.

    Raises:
        BudgetError: no network of the space meets the budget.
        InputError: the folder or storage cannot be used, or the study belongs to another search.
    """
    began = time.monotonic()
    _refuse_what_workers_cannot_have(plan)
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    make_folder(plan.out)
    interpreter = Interpreter(plan.space)
    if plan.task is not None:
        with progress(plan) if progress else nullcontext(lambda *_: None) as watch:
            read_data(plan.task, interpreter, lambda words: watch(History(), words))
    with quiet_optuna(), storage_errors(plan.where, plan.storage or ""):
        opened = open_storage(plan.storage, plan.out, plan.heartbeat, plan.note)
        funnel = run_stages(plan, opened, interpreter, progress)
        finalists = _finalists(plan, interpreter, funnel, progress)
        write_notes(funnel.study, plan, finalists)
    result = _result(plan, funnel, finalists, started, began)
    result = replace(result, data=_data(plan, interpreter, funnel, result, progress))
    write_finalists(plan.out, result.finalists)
    write_atomic(plan.out / "result.json", to_json(result))
    return result


def _refuse_what_workers_cannot_have(plan: Plan) -> None:
    if plan.workers > 1:
        for goal in plan.every_goal:
            if goal.kind == "user" and ":" not in goal.name and not goal.name.endswith(".json"):
                raise InputError(
                    f"the objective {goal.name} is a function of this process, which other workers cannot call",
                    hint='name it as "package.module:function" or "file.py:function"',
                )


def _finalists(plan: Plan, interpreter: Interpreter, funnel: Funnel, progress: Progress | None) -> tuple[Finalist, ...]:
    """The best of the last stage that scored any."""
    best: list[Trial] = []
    for objectives in funnel.objectives:
        best = choose(funnel.trials, objectives, plan.top) or best
    finalists = []
    with progress(plan) if progress else nullcontext(lambda *_: None) as watch:
        for i, trial in enumerate(best, start=1):
            watch(funnel.history, f"recounting {i}/{len(best)}")
            finalists.append(finalist(plan, interpreter, trial))
    return tuple(finalists)


def _data(
    plan: Plan, interpreter: Interpreter, funnel: Funnel, result: SearchResult, progress: Progress | None
) -> DataShown | None:
    """The data as the best finalist sees it; read anew where other processes evaluated."""
    if plan.task is None or not result.finalists:
        return None
    best = next(trial for trial in result.trials if trial.number == result.finalists[0].trial)
    network = interpreter.network(Fixed(best.draws))
    _, height, width = network.input_shape
    with progress(plan) if progress else nullcontext(lambda *_: None) as watch:
        watch(funnel.history, "reading the data for the report")
        return data_shown(plan.task.source, (height, width))


def _result(plan: Plan, funnel: Funnel, finalists: tuple[Finalist, ...], started: str, began: float) -> SearchResult:
    first = tuple(goal.objective for goal in plan.goals)
    *before, last = funnel.stages
    return SearchResult(
        space=plan.space.name,
        space_text=unparse(plan.space.architecture),
        command=plan.command,
        seed=plan.seed,
        sampler=plan.sampler,
        versions=versions(),
        machine=machine_line(),
        budgets=dict(plan.budget.limits),
        objectives=tuple(objective for stage in reversed(funnel.objectives) for objective in stage),
        trials=funnel.trials,
        finalists=finalists,
        smallest=funnel.smallest,
        stages=(*before, replace(last, survivors=len(finalists))),
        importance=importance(funnel.trials, first),
        started=started,
        seconds=round(time.monotonic() - began, 1),
        interrupted=funnel.interrupted,
    )
