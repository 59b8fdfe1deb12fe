"""Search: Optuna draws the holes of a space, the closed form keeps the budget, scores and users' functions judge.

This file imports neither torch nor Optuna before they are needed: ``import archlab`` must stay quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.cost import parse_budget
from archlab.elaborate import load
from archlab.grammar import parse_file
from archlab.grammar.ast import Architecture
from archlab.resources import find_architecture
from archlab.result import SearchResult
from archlab.search.sampler.names import DEFAULT

if TYPE_CHECKING:
    from archlab.search.objective import UserObjective

__all__ = ["search"]


def search(
    space: str | Architecture,
    budget: Iterable[str] = (),
    objective: str | UserObjective | Iterable[str | UserObjective] = "synflow",
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
) -> SearchResult:
    """The best networks of a space under budgets; what ``archlab search`` does.

    Args:
        space: a shipped name, an ``.arch`` file, or an architecture.
        budget: limits such as ``"macs=300M"``.
        objective: a score, a metric, ``"file.py:function"``, a function ``(module, candidate, trial) -> float``, or
            several of them for a Pareto front.
        trials: candidates to evaluate; over-budget and repeated draws are free.
        workers: processes that evaluate on this machine; further ones join by ``archlab worker``.
        out: the folder for the study, the result and the finalists; by default ``out/`` and the space's name.
            A study that is there is resumed.

    Raises:
        BudgetError: no network of the space meets the budget.
        InputError: an argument, the folder or the study in it cannot be used.
    """
    from archlab.search.objective import parse_goals, user_goal
    from archlab.search.plan import Plan
    from archlab.search.run import run_search

    loaded = load(parse_file(find_architecture(space)) if isinstance(space, str) else space)
    several = [objective] if isinstance(objective, str) or callable(objective) else list(objective)
    goals = tuple(
        goal for item in several for goal in (parse_goals([item]) if isinstance(item, str) else (user_goal(item),))
    )
    plan = Plan(
        space=loaded,
        goals=goals,
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
