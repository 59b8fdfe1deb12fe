"""A study as a process carries it out: with the stage's sampler and pruner."""

from __future__ import annotations

import optuna

from archlab.elaborate import Interpreter
from archlab.search.plan import Note, Stage
from archlab.search.sampler import make_sampler
from archlab.search.sampler.queue_sampler import QueueSampler
from archlab.search.storage.liveness import Liveness
from archlab.search.study.loop import Search
from archlab.search.study.pruner import make_pruner


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
        study.sampler = make_sampler(stage.sampler, interpreter, stage.budget, stage.seed, stage.metrics, stream, note)
    study.pruner = make_pruner(stage.pruner or ("median" if stage.number == 1 else "halving"))
    return Search(stage, study, interpreter, liveness)
