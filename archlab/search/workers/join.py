"""One worker: takes part in a study until its evaluations are done."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.storages import BaseStorage

from archlab.elaborate import Interpreter
from archlab.errors import InputError, did_you_mean
from archlab.grammar.ast import Architecture
from archlab.search.detection import read_data, wants_data
from archlab.search.history import INTERRUPTED, TIME_IS_UP, History
from archlab.search.plan import Plan
from archlab.search.stages.equip import equip
from archlab.search.storage.failures import explain_storage_errors, silence_optuna
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.open_storage import open_storage
from archlab.search.storage.record import SETUP
from archlab.search.storage.redact import redact
from archlab.search.study import Search
from archlab.search.workers.setup import read_plan

PATIENCE = 0.5
"""Seconds between looks whether the next stage is open."""


def work(
    storage: str,
    study_name: str,
    space: Architecture | None = None,
    timeout: float | None = None,
    heartbeat: int | None = None,
    note: Callable[[str], None] | None = None,
    one_stage: bool = False,
) -> History:
    """Takes part in the study ``study_name``, begun by ``archlab search``, until it and its later stages are done.

    Args:
        one_stage: whether to end with this study, and not go on to the stages after it.

    Raises:
        InputError: the storage cannot be opened, holds no such study, or the study is of another version or space.
    """
    where = redact(storage)
    if "://" not in storage and not Path(storage).exists():
        raise InputError(f"no such storage: {where}", hint="begin the study with `archlab search`")
    with silence_optuna(), explain_storage_errors(where, storage):
        opened = open_storage(storage, Path(), heartbeat or 30, note)
        names = optuna.get_all_study_names(opened.storage)
        if study_name not in names:
            raise InputError(
                f"{where} holds no study {study_name!r}",
                hint=did_you_mean(study_name, names) or "begin it with `archlab search`",
            )
        study = optuna.load_study(study_name=study_name, storage=opened.storage)
        plan = read_plan(study, where, space)
        if heartbeat is None and plan.heartbeat != 30 and "://" in storage:
            opened = open_storage(storage, Path(), plan.heartbeat, note)
            study = optuna.load_study(study_name=study_name, storage=opened.storage)
        deadline = None if timeout is None else time.monotonic() + timeout
        done = _take_part(study, dataclasses.replace(plan, storage=storage, note=note), opened.liveness, deadline)
        number = 1
        while not one_stage and done.interrupted not in (INTERRUPTED, TIME_IS_UP):
            number += 1
            later = _next_stage(study, opened.storage, number, deadline, note)
            if later is None:
                break
            plan = dataclasses.replace(read_plan(later, where), storage=storage, note=note)
            stage = _take_part(later, plan, opened.liveness, deadline)
            done.spent, done.interrupted = done.spent + stage.spent, stage.interrupted
        return done


def _take_part(study: optuna.Study, plan: Plan, liveness: Liveness, deadline: float | None) -> History:
    interpreter = Interpreter(plan.space)
    if plan.task is not None and wants_data([goal.name for goal in plan.goals]):
        read_data(plan.task, interpreter)
    plan = dataclasses.replace(plan, timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
    # Ours goes by the seed and the trial's number. Optuna's would draw the same in every worker that began at once.
    equip(study, plan, interpreter, int.from_bytes(os.urandom(3)))
    return Search(plan, study, interpreter, liveness).run(lambda *_: None)


def _next_stage(
    first: optuna.Study,
    storage: BaseStorage,
    number: int,
    deadline: float | None,
    note: Callable[[str], None] | None,
) -> optuna.Study | None:
    """The study of a later stage, waited for until it is open; None where there is no such stage, or time is up."""
    waited = False
    while deadline is None or time.monotonic() < deadline:
        then = first.user_attrs[SETUP]["then"]
        if len(then) < number - 1:
            return None
        name = then[number - 2]["study"]
        if name in optuna.get_all_study_names(storage):
            study = optuna.load_study(study_name=name, storage=storage)
            if SETUP in study.user_attrs:
                return study
        if not waited and note is not None:
            note(f"waiting for {name}, the next stage of {first.study_name}, which `archlab search` opens")
        waited = True
        time.sleep(PATIENCE)
    return None
