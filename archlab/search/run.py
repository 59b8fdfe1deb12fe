"""A search from plan to result: its stages run or resumed, and its best written down."""

from __future__ import annotations

import contextlib
import datetime
import time
from dataclasses import replace

from archlab.elaborate import Fixed, Interpreter
from archlab.environment import machine_line, versions
from archlab.files import make_folder
from archlab.search.baselines import find_baselines
from archlab.search.closed_judge import ClosedJudge, is_closed_form
from archlab.search.compared import HoleShare
from archlab.search.data_summary import summarize_data
from archlab.search.estimates import ranking_values
from archlab.search.finalist_choice import choose_last
from archlab.search.finalists import make_finalist, write_result
from archlab.search.hole_shares import hole_shares
from archlab.search.image_task import ImageTask
from archlab.search.neighbours import find_neighbours, holes_of, unseen_by
from archlab.search.objective import is_noisy
from archlab.search.plan import Plan
from archlab.search.result import Finalist, SearchResult
from archlab.search.shown_data import DataSummary
from archlab.search.stages.needs import check_needs
from archlab.search.stages.run_stages import run_stages
from archlab.search.stages.stage_results import Funnel
from archlab.search.storage.conversation import StorageLeftError
from archlab.search.storage.dashboard import write_dashboard_notes
from archlab.search.storage.open_storage import opened_storage
from archlab.search.study.history import History, Progress, Watch, no_progress
from archlab.search.study.loop import Search
from archlab.search.tasks import read_data
from archlab.search.workers.start import Workers


def run_search(plan: Plan, progress: Progress = no_progress) -> SearchResult:
    """Carry out ``plan``, or what is left of it, and write ``result.json`` and the finalists to its folder.

    The study is written as it goes, so that the same plan resumes it after any end, and a killed process loses the
    trial that it was running.

    Args:
        progress: makes a watcher of what goes on, for each stage.

    Raises:
        BudgetError: no network of the space meets the budget.
        InputError: the folder or storage cannot be used, the study belongs to another search, something that a later
            stage needs is not there, an evaluation met what is not its network's fault, or the objective is broken.
    """
    began = time.monotonic()
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    make_folder(plan.out)
    check_needs(plan)
    first = plan.stages[0]
    interpreter = Interpreter(plan.space)
    if plan.task is not None:
        with progress(first) as watch:
            read_data(plan.task, interpreter, lambda words: watch(History(), words))
    # What may hang has to be ended from outside.
    in_workers = plan.workers > 1 or first.trial_timeout is not None
    carry_out = Workers(plan.workers, plan.address, plan.note).carry_out if in_workers else Search.run
    with opened_storage(plan.address, plan.heartbeat, plan.note) as opened:
        funnel = run_stages(plan, opened, interpreter, carry_out, progress)
        with progress(first) as watch:
            finalists = make_finalists(plan, funnel, interpreter, watch)
    data = None
    if plan.task is not None and not isinstance(plan.task, ImageTask) and finalists:
        with progress(first) as watch:
            watch(funnel.history, "reading the data for the report")
            draws = next(trial.draws for trial in funnel.trials if trial.number == finalists[0].trial)
            _, height, width = interpreter.network(Fixed(draws)).input_shape
            data = summarize_data(plan.task.source, (height, width))
    with progress(first) as watch:
        result = result_of(plan, funnel, finalists, interpreter, data, started, began, watch)
    write_result(plan.out, result)
    return result


def make_finalists(plan: Plan, funnel: Funnel, interpreter: Interpreter, watch: Watch) -> tuple[Finalist, ...]:
    """Choose the best of what the stages found, count them again, and note them in the study."""
    first = plan.stages[0]
    last = plan.stages[len(funnel.stages) - 1]
    noisy = [goal.objective for goal in last.goals if last.again or is_noisy(goal)]
    scored = {trial.number: trial for trial in funnel.trials if trial.state == "scored"}
    ranked, estimates = ranking_values(list(scored.values()), noisy, interpreter)
    unseen = [unseen_by(stage, interpreter) for stage in plan.stages[: len(funnel.objectives)]]
    best = choose_last(ranked, funnel.objectives, plan.top, dict(first.budget.limits), unseen)
    finalists = []
    for i, chosen in enumerate(best, start=1):
        watch(funnel.history, f"recounting {i}/{len(best)}")
        timing = first.threads if plan.latency else None
        number = chosen.trial.number
        made = make_finalist(scored[number], interpreter, first.seed, plan.out, timing, plan.profile)
        finalists.append(replace(made, estimates=estimates[number], variants=chosen.variants))
    with contextlib.suppress(StorageLeftError):  # interrupted, with a server that does not answer
        write_dashboard_notes(funnel.study, plan.space.name, plan.text, first.budget, finalists)
    return tuple(finalists)


def result_of(
    plan: Plan,
    funnel: Funnel,
    finalists: tuple[Finalist, ...],
    interpreter: Interpreter,
    data: DataSummary | None,
    started: str,
    began: float,
    watch: Watch = lambda *_: None,
) -> SearchResult:
    """Return what a search found, as its result file holds it, with what it compares its finalists with.

    Args:
        started: when it began, as ISO 8601 has it; ``began`` is the same by the clock that does not jump.
    """
    first = plan.stages[0]
    *before, last = funnel.stages
    watch(funnel.history, "comparing the finalists with baselines and their neighbours")
    by_number = {trial.number: trial for trial in funnel.trials}
    chosen = [by_number[finalist.trial] for finalist in finalists]
    return SearchResult(
        space=plan.space.name,
        space_text=plan.text,
        command=plan.command,
        seed=first.seed,
        sampler=first.sampler,
        versions=versions(),
        machine=machine_line(),
        budgets=dict(first.budget.limits),
        floors=dict(first.budget.floors),
        rules=tuple(rule.name for rule in first.own.filters),
        units=dict(first.budget.units),
        relative_budgets=dict(plan.relative),
        objectives=tuple(dict.fromkeys(objective for stage in reversed(funnel.objectives) for objective in stage)),
        trials=funnel.trials,
        finalists=finalists,
        smallest=funnel.smallest,
        stages=(*before, replace(last, survivors=len(finalists))),
        baselines=find_baselines(plan, interpreter) if chosen else (),
        neighbours=find_neighbours(chosen, ClosedJudge(plan.stages, interpreter)),
        shares=shares_of(plan, funnel, interpreter),
        started=started,
        seconds=round(time.monotonic() - began, 1),
        interrupted=funnel.interrupted,
        data=data,
    )


def shares_of(plan: Plan, funnel: Funnel, interpreter: Interpreter) -> dict[str, tuple[HoleShare, ...]]:
    """Return by objective what each hole decides of it, where that cannot be measured at the finalists."""
    wanted = {
        goal.name: goal.objective
        for stage in plan.stages[: len(funnel.objectives)]
        for goal in stage.goals
        if not is_closed_form(goal, stage)
    }
    holes = holes_of(funnel.trials, interpreter) if wanted else {}
    found = {name: hole_shares(funnel.trials, o, holes, plan.stages[0].seed) for name, o in wanted.items()}
    return {name: rows for name, rows in found.items() if rows}
