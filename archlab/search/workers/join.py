"""One worker: takes part in a study until its evaluations are done."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import optuna

from archlab.elaborate import Interpreter
from archlab.errors import InputError, did_you_mean
from archlab.grammar.ast import Architecture
from archlab.search.history import History
from archlab.search.quiet import quiet_optuna, storage_errors
from archlab.search.sampler import make_sampler
from archlab.search.storage import open_storage
from archlab.search.study import Search
from archlab.search.workers.address import shown
from archlab.search.workers.setup import read_plan


def work(
    storage: str,
    study_name: str,
    space: Architecture | None = None,
    timeout: float | None = None,
    heartbeat: int | None = None,
    note: Callable[[str], None] | None = None,
) -> History:
    """Takes part in the study ``study_name``, begun by ``archlab search``, until it is done.

    Raises:
        InputError: the storage cannot be opened, holds no such study, or the study is of another version or space.
    """
    where = shown(storage)
    if "://" not in storage and not Path(storage).exists():
        raise InputError(f"no such storage: {where}", hint="begin the study with `archlab search`")
    with quiet_optuna(), storage_errors(where, storage):
        opened = open_storage(storage, Path(), heartbeat or 30, note)
        names = optuna.get_all_study_names(opened.storage)
        if study_name not in names:
            raise InputError(
                f"{where} holds no study {study_name!r}",
                hint=did_you_mean(study_name, names) or "begin it with `archlab search`",
            )
        study = optuna.load_study(study_name=study_name, storage=opened.storage)
        plan = dataclasses.replace(read_plan(study, where, space), storage=storage, timeout=timeout, note=note)
        if heartbeat is None and plan.heartbeat != 30 and "://" in storage:
            opened = open_storage(storage, Path(), plan.heartbeat, note)
            study = optuna.load_study(study_name=study_name, storage=opened.storage)
        interpreter = Interpreter(plan.space)
        # Ours goes by the seed and the trial's number. Optuna's would draw the same in every worker that began at once.
        stream = int.from_bytes(os.urandom(3))
        study.sampler = make_sampler(plan.sampler, interpreter, plan.budget, plan.seed, plan.metrics, stream, note)
        return Search(plan, study, interpreter, opened.liveness).run(lambda *_: None)
