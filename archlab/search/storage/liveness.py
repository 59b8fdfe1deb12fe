"""Which trials still run: the trial of a killed worker is put back in the queue, once.

On one machine, with a journal or SQLite file, a worker holds a lock on one byte of a file beside it, the byte of its
trial's id: the system releases it when the worker dies, so no waiting is needed. On a database server Optuna's
heartbeat shows it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import optuna
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.trial import FrozenTrial, TrialState

from archlab.search.choices import MAX_DEATHS
from archlab.search.storage.ledger import RETRIES, Ledger, ledger_of
from archlab.search.storage.one_trial import BEGUN, is_running
from archlab.search.storage.put_back import put_back, queue_retry
from archlab.search.storage.trial_record import CLAIM


class Liveness(Protocol):
    """Shows others the trial that this process runs, and finds trials that nobody runs."""

    def begin(self, trial: optuna.Trial) -> None:
        """Show that this process runs ``trial``."""

    def end(self) -> None:
        """Show that it runs none."""

    def reap(self, study: optuna.Study, max_deaths: int = MAX_DEATHS) -> None:
        """Queue again the trials that nobody runs, and those that ended without a verdict.

        One whose network has ended ``max_deaths`` processes fails instead.
        """


_EVALUATES, _ENDED = b"x", b"\0"


class FileLocks:
    """The liveness of workers that share a file: locks on the bytes of ``path``.

    Trials are locked by their id, which all studies of a storage share. The byte itself says whether the trial's
    process came to its end in order: where it did not, the lock is free and the byte is still set.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._trial_id: int | None = None
        self._ledgers: dict[int, Ledger] = {}

    def begin(self, trial: optuna.Trial) -> None:
        fcntl.lockf(self._file(), fcntl.LOCK_EX, 1, trial._trial_id)
        self._trial_id = trial._trial_id
        os.pwrite(self._file(), _EVALUATES, self._trial_id)

    def end(self) -> None:
        if self._trial_id is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._file(), _ENDED, self._trial_id)
            fcntl.lockf(self._file(), fcntl.LOCK_UN, 1, self._trial_id)
            self._trial_id = None

    def reap(self, study: optuna.Study, max_deaths: int = MAX_DEATHS) -> None:
        trials = study.get_trials(deepcopy=False)
        ledger = self._ledgers.setdefault(study._study_id, Ledger())
        ledger.read(trials)
        for trial in trials:
            if trial.state == TrialState.RUNNING:
                # Who holds the lock decides: what was read before may be old. A worker that had begun the trial but
                # not yet locked it finds it failed, and leaves it.
                with self._locked(trial) as free:
                    if free and is_running(study, trial):
                        put_back(study, trial, died=self._died(trial), max_deaths=max_deaths)
        for trial in list(ledger.untold.values()):
            with self._locked(trial) as free:
                if free and trial.number not in ledger_of(study.get_trials(deepcopy=False)).retries:
                    queue_retry(study, trial, died=self._died(trial))

    @contextlib.contextmanager
    def _locked(self, trial: FrozenTrial) -> Iterator[bool]:
        """Lock a trial, if it is free and not this process's own; whoever has it then has ended."""
        if trial._trial_id == self._trial_id:
            yield False
            return
        try:
            fcntl.lockf(self._file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, trial._trial_id)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._file(), fcntl.LOCK_UN, 1, trial._trial_id)

    def _died(self, trial: FrozenTrial) -> bool:
        return os.pread(self._file(), 1, trial._trial_id) == _EVALUATES

    def _file(self) -> int:
        if self._handle is None:
            self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        return self._handle


class Heartbeats:
    """The liveness of workers that share a server: heartbeats as Optuna's, of which two may be missing.

    A worker that died between asking for a trial and its first beat left one that Optuna never calls stale: it is
    given up when it has not begun within ``grace`` seconds, as seen by this process's clock. So is a trial that ended
    without a verdict, whose own worker may be about to queue it again; what is found as the study is opened is queued
    again at once.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._since: dict[int, float] = {}
        self._ledgers: dict[int, Ledger] = {}

    def begin(self, trial: optuna.Trial) -> None:
        storage = trial.study._storage
        if RETRIES in storage.get_trial(trial._trial_id).system_attrs:
            storage.set_trial_system_attr(trial._trial_id, BEGUN, True)

    def end(self) -> None:
        pass

    def reap(self, study: optuna.Study, max_deaths: int = MAX_DEATHS) -> None:
        storage = study._storage
        if isinstance(storage, BaseHeartbeat) and storage.get_heartbeat_interval() is not None:
            for trial_id in storage._get_stale_trial_ids(study._study_id):
                put_back(study, storage.get_trial(trial_id), died=True, max_deaths=max_deaths)
        trials = study.get_trials(deepcopy=False)
        opened = study._study_id not in self._ledgers
        ledger = self._ledgers.setdefault(study._study_id, Ledger())
        ledger.read(trials)
        idle = [trial for trial in trials if trial.state == TrialState.RUNNING and not _has_begun(trial)]
        for trial in self._overdue(idle):
            put_back(study, trial)
        untold = list(ledger.untold.values())
        for trial in untold if opened else self._overdue(untold):
            queue_retry(study, trial)

    def _overdue(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Return those of ``trials`` that have been so for longer than the grace."""
        now = time.monotonic()
        for trial in trials:
            self._since.setdefault(trial._trial_id, now)
        return [trial for trial in trials if now - self._since[trial._trial_id] > self._grace]


def _has_begun(trial: FrozenTrial) -> bool:
    if RETRIES in trial.system_attrs:
        return BEGUN in trial.system_attrs
    return CLAIM in trial.system_attrs or bool(trial.params)
