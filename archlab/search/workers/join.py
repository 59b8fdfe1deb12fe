"""One worker, which takes part in a study until its evaluations are done."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable

import optuna
from optuna.storages import BaseStorage

from archlab.elaborate import Interpreter
from archlab.errors import InputError, did_you_mean
from archlab.grammar import parse_file
from archlab.grammar.ast import Architecture
from archlab.resources import find_architecture
from archlab.search.choices import HEARTBEAT
from archlab.search.detection_data import has_data_objective
from archlab.search.judging_code import files_line
from archlab.search.objective import Goal
from archlab.search.own_code import OwnFunction
from archlab.search.plan import Note
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.open_storage import opened_storage
from archlab.search.storage.redact import redact
from archlab.search.storage.trial_record import SETUP
from archlab.search.study.carried_plan import CarriedPlan, read_plan
from archlab.search.study.history import INTERRUPTED, TIME_IS_UP, History, Progress, no_progress
from archlab.search.study.loop import Search
from archlab.search.study.open_search import open_search
from archlab.search.tasks import read_data
from archlab.search.workers.start import Workers
from archlab.units import parse_duration

PATIENCE = 0.5
"""Seconds between looks whether the next stage is open."""


def work(
    storage: str,
    study_name: str,
    space: str | Architecture | None = None,
    *,
    objectives: Iterable[str] = (),
    timeout: float | str | None = None,
    heartbeat: int | None = None,
    note: Note | None = None,
    one_stage: bool = False,
    announce: Callable[[int | None], None] | None = None,
    stream: int | None = None,
    progress: Progress = no_progress,
) -> History:
    """Take part in the study ``study_name``, begun by ``archlab search``, until it and its later stages are done.

    Args:
        space: what the study's space must be: a shipped name, an ``.arch`` file, or an architecture.
        objectives: those of the study that are code, such as ``"train.py:accuracy"``, and its metrics and rules that
            are: what is not named is not run.
        timeout: a time such as ``"10m"``, or seconds, after which no evaluation is begun.
        one_stage: whether to end with this study, and not to continue with the stages after it.
        announce: where another process watches over this one: called with a trial's number when its evaluation begins,
            and with None when that has ended.
        stream: see ``open_search``; by default one of its own.
        progress: makes a watcher of what goes on, for each stage.

    Raises:
        InputError: the storage cannot be opened, holds no such study, or the study is of another version or space, or
            runs code that ``objectives`` does not name.
    """
    where = redact(storage)
    architecture = parse_file(find_architecture(space)) if isinstance(space, str) else space
    seconds = parse_duration(timeout) if isinstance(timeout, str) else timeout
    if "://" not in storage and not os.path.exists(storage):
        raise InputError(f"no such storage: {where}", hint="begin the study with `archlab search`")
    with opened_storage(storage, heartbeat or HEARTBEAT, note) as opened:
        names = optuna.get_all_study_names(opened.storage)
        if study_name not in names:
            raise InputError(
                f"{where} holds no study {study_name!r}",
                hint=did_you_mean(study_name, names) or "begin it with `archlab search`",
            )
        study = optuna.load_study(study_name=study_name, storage=opened.storage)
        trusted = frozenset(objectives)
        carried = read_plan(study, where, architecture, trusted=trusted, one_stage=one_stage)
        if note is not None and announce is None:
            code: list[Goal | OwnFunction] = [*carried.stage.goals, *carried.stage.own.all]
            for name in carried.stage.code_names:
                note(f"runs {name}: {files_line(next(each for each in code if each.name == name))}")
        if heartbeat is None:
            opened = opened.with_heartbeat(carried.heartbeat)
        deadline = None if seconds is None else time.monotonic() + seconds

        def carry_out(study: optuna.Study, carried: CarriedPlan) -> History:
            search = _open(study, carried, opened.liveness, stream, deadline, note)
            with progress(carried.stage) as watch:
                if announce is None and carried.stage.trial_timeout is not None:
                    return Workers(1, storage, note).carry_out(search, watch)
                search.announce = announce or search.announce
                return search.run(watch)

        done = carry_out(study, carried)
        number = 1
        while not one_stage and done.interrupted not in (INTERRUPTED, TIME_IS_UP):
            number += 1
            later = _next_stage(study, opened.storage, number, deadline, note)
            if later is None:
                break
            stage = carry_out(later, read_plan(later, where, trusted=trusted))
            done.evaluated, done.interrupted = done.evaluated + stage.evaluated, stage.interrupted
        return done


def _open(
    study: optuna.Study,
    carried: CarriedPlan,
    liveness: Liveness,
    stream: int | None,
    deadline: float | None,
    note: Note | None,
) -> Search:
    """Open a stage, and read the data that it looks at."""
    interpreter = Interpreter(carried.space)
    stage = carried.stage
    if carried.task is not None and has_data_objective([goal.name for goal in stage.goals]):
        read_data(carried.task, interpreter)
        if note is not None and stage.folder is None:
            note("the search's folder is not here, so no trained weights are kept: share it under the same path")
    stage = dataclasses.replace(stage, timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
    # Ours goes by the seed and the trial's number. Optuna's would draw the same in every worker that began at once.
    own = int.from_bytes(os.urandom(3))
    return open_search(stage, study, interpreter, liveness, own if stream is None else stream, note)


def _next_stage(
    first: optuna.Study,
    storage: BaseStorage,
    number: int,
    deadline: float | None,
    note: Note | None,
) -> optuna.Study | None:
    """Wait for a later stage's study and return it; None where there is no such stage, or time is up."""
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
