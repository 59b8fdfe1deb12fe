"""Search: Optuna draws the holes of a space, the closed form keeps the budget, scores and users' functions judge.

This file imports neither torch nor Optuna before they are needed: ``import archlab`` must stay quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.cost import parse_budget
from archlab.detect.task import TRAIN_STEPS
from archlab.elaborate import load
from archlab.grammar import parse_file
from archlab.grammar.ast import Architecture
from archlab.resources import find_architecture
from archlab.search.result import SearchResult
from archlab.search.sampler.names import DEFAULT

if TYPE_CHECKING:
    from archlab.search.objective import UserObjective

__all__ = ["search"]


def search(
    space: str | Architecture,
    budget: Iterable[str] = (),
    objective: str | UserObjective | Iterable[str | UserObjective] | None = None,
    trials: int = 60,
    seed: int = 0,
    out: str | Path | None = None,
    timeout: float | None = None,
    sampler: str = DEFAULT,
    top: int = 5,
    study: str | None = None,
    storage: str | None = None,
    latency: bool = True,
    threads: int = 1,
    workers: int = 1,
    then: str | UserObjective | Iterable[str | UserObjective] = (),
    keep: str | int | Iterable[str | int] = (),
    pruner: str | None = None,
    data: str | Path | None = None,
    val: str | Path | None = None,
    train_steps: int = TRAIN_STEPS,
) -> SearchResult:
    """The best networks of a space under budgets; what ``archlab search`` does.

    Args:
        space: a shipped name, an ``.arch`` file, or an architecture.
        budget: limits such as ``"macs=300M"``.
        objective: a score, a metric, ``"file.py:function"``, a function ``(module, candidate, trial) -> float``, or
            several of them for a Pareto front; by default ``"detection"`` for a text with a stage ``detect``, and
            ``"score"`` for others.
        trials: candidates to evaluate; over-budget and repeated draws are free.
        workers: processes that evaluate on this machine; further ones join by ``archlab worker``.
        then: later stages, an objective each: each judges the best of the stage before.
        keep: how many go on to each, such as ``"25%"`` (the default) or ``8``; of several objectives by Pareto front,
            and within one those with the most room around them.
        data: detection data for the objectives that look at it: a COCO-format file, or a folder with ``train.json``;
            without any, drawn shapes.
        val: validation data; by default beside ``data``, or a fifth of it.
        train_steps: steps of the objective ``"train"``.
        pruner: ``"halving"``, ``"median"`` or ``"none"``, for objectives that report to their trial.
        out: the folder for the study, the result and the finalists; by default ``out/`` and the space's name.
            A study that is there is resumed.

    Raises:
        BudgetError: no network of the space meets the budget.
        InputError: an argument, the folder or the study in it cannot be used.
    """
    from archlab.search.detection import default_objective, find_task, fitted
    from archlab.search.objective import parse_goals
    from archlab.search.plan import Plan
    from archlab.search.run import run_search
    from archlab.search.stages.later import later_stages

    architecture = parse_file(find_architecture(space)) if isinstance(space, str) else space
    objective = default_objective(architecture) if objective is None else objective
    several = [objective] if isinstance(objective, str) or callable(objective) else list(objective)
    later = [then] if isinstance(then, str) or callable(then) else list(then)
    named = [item for item in [*several, *later] if isinstance(item, str)]
    task = find_task(data, val, seed, train_steps, named)
    loaded = load(fitted(architecture, task) if task else architecture)
    goals = parse_goals([*several, *later], task)
    plan = Plan(
        space=loaded,
        goals=goals[: len(several)],
        then=later_stages(goals[len(several) :], [keep] if isinstance(keep, str | int) else keep),
        pruner=pruner,
        task=task,
        budget=parse_budget(budget),
        out=Path(out) if out is not None else Path("out") / loaded.name,
        trials=trials,
        timeout=timeout,
        seed=seed,
        sampler=sampler,
        top=top,
        study=study,
        storage=storage,
        latency=latency,
        threads=threads,
        workers=workers,
        command=f"archlab.search({loaded.name!r}, …)",
    )
    return run_search(plan)
