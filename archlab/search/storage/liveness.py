"""Which trials still run: the trial of a killed worker is put back in the queue, once.

On one machine, with a journal or SQLite file, a worker holds a lock on one byte of a file beside it, the byte of its
trial's number: the system releases it when the worker dies, so no waiting is needed. On a database server Optuna's
heartbeat shows it.
"""

from __future__ import annotations

import fcntl
import os
import time
import warnings
from pathlib import Path
from typing import Protocol

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from archlab.search.storage.one_trial import is_running
from archlab.search.storage.trial_record import CLAIM


class Liveness(Protocol):
    """Shows others the trial that this process runs, and finds trials that nobody runs."""

    def begin(self, number: int) -> None:
        """Show that this process runs trial ``number``."""

    def end(self) -> None:
        """Show that it runs none."""

    def reap(self, study: optuna.Study) -> None:
        """Fail the trials that nobody runs, and queue the same again."""


class FileLocks:
    """The liveness of workers that share a file: locks on the bytes of ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._number: int | None = None

    def begin(self, number: int) -> None:
        fcntl.lockf(self._file(), fcntl.LOCK_EX, 1, number)
        self._number = number

    def end(self) -> None:
        if self._number is not None:
            fcntl.lockf(self._file(), fcntl.LOCK_UN, 1, self._number)
            self._number = None

    def reap(self, study: optuna.Study) -> None:
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number == self._number or not self._free(trial.number):
                continue
            try:
                # Who holds the lock decides: what was read before may be old. A worker that had begun the trial but
                # not yet locked it finds it failed, and leaves it.
                if is_running(study, trial):
                    retry(study, trial)
            finally:
                fcntl.lockf(self._file(), fcntl.LOCK_UN, 1, trial.number)

    def _free(self, number: int) -> bool:
        try:
            fcntl.lockf(self._file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            return False
        return True

    def _file(self) -> int:
        if self._handle is None:
            self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        return self._handle


class Heartbeats:
    """The liveness of workers that share a server: Optuna's heartbeat, which its loop keeps.

    A worker that died between asking for a trial and its first beat left one that Optuna never calls stale: it is
    given up when it has not come to a network within ``grace`` seconds, as seen by this process's clock.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._since: dict[int, float] = {}

    def begin(self, number: int) -> None:
        self._since.pop(number, None)

    def end(self) -> None:
        pass

    def reap(self, study: optuna.Study) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            fail_stale_trials(study)
        now = time.monotonic()
        idle = [
            trial
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if CLAIM not in trial.system_attrs and not trial.params
        ]
        self._since = {trial.number: self._since.get(trial.number, now) for trial in idle}
        for trial in idle:
            if now - self._since[trial.number] > self._grace:
                retry(study, trial)


def retry(study: optuna.Study, trial: FrozenTrial) -> None:
    """Fail a trial and queue the same again."""
    try:
        study.tell(trial.number, state=TrialState.FAIL)
    except ValueError:  # another was quicker
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback()(study, trial)
