"""One trial in a study: asked for, kept alive, ended, and what Optuna keeps of it that has no public method."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.trial import FrozenTrial, TrialState

from archlab.search.result import Trial
from archlab.search.storage.trial_record import CLAIM, RECORD, SURPLUS, record_of

BEGUN = "archlab:begun"
"""Of a retry on a server: that a worker has begun it, and so gives signs of life."""


def ask_for_trial(study: optuna.Study) -> optuna.Trial:
    """Take the next trial of the queue, or make a new one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that heartbeats belong into Optuna's own loop: ``beating`` keeps them
        return study.ask()


@contextlib.contextmanager
def beating(study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
    """Give a storage on a server signs of life of a trial: the first at once, so that none is missed as begun."""
    storage = study._storage
    if not isinstance(storage, BaseHeartbeat) or (interval := storage.get_heartbeat_interval()) is None:
        yield
        return
    storage.record_heartbeat(trial._trial_id)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(interval):
            storage.record_heartbeat(trial._trial_id)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def end_without_verdict(study: optuna.Study, trial: optuna.Trial) -> None:
    """Fail a trial that is one too many, or found no network; nothing where another has ended it."""
    queued = is_from_queue(study._storage.get_trial(trial._trial_id))
    with contextlib.suppress(UpdateFinishedTrialError):
        if queued:
            study._storage.set_trial_user_attr(trial._trial_id, SURPLUS, True)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def is_running(study: optuna.Study, trial: optuna.Trial | FrozenTrial) -> bool:
    """Return whether a trial is running, as the storage has it now."""
    return _state(study, trial) == TrialState.RUNNING


def given_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return what a trial was queued with, or what its sampler has filled in so far."""
    queued: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return trial.params | queued


def is_from_queue(trial: FrozenTrial) -> bool:
    """Return whether a trial was queued, or is a retry of one that had begun to draw."""
    return bool(trial.params) or "fixed_params" in trial.system_attrs


def fail_with_reason(study: optuna.Study, trial: optuna.Trial | FrozenTrial, reason: str) -> bool:
    """Fail a running trial whose process cannot do so itself: one evaluation, whose record gives ``reason``.

    Its network is not queued again. Returns whether the trial was still running.
    """
    kept = study._storage.get_trial(trial._trial_id)
    failed = Trial(kept.number, "failed", given_params(kept), {}, digest=kept.system_attrs.get(CLAIM), reason=reason)
    try:
        study._storage.set_trial_user_attr(trial._trial_id, RECORD, record_of(failed))
        return study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:  # another was quicker
        return False


def write_constraints(study: optuna.Study, trial: optuna.Trial, excess: Mapping[str, float]) -> None:
    """Write by how much a trial exceeds each limit, as Optuna's constraints: met where at most 0."""
    for name, value in excess.items():
        trial.set_constraint(name, value)
    if excess:
        # The same as a list, as Optuna kept it before version 5 and optuna-dashboard still reads it.
        study._storage.set_trial_system_attr(trial._trial_id, "constraints", list(excess.values()))


def _state(study: optuna.Study, trial: optuna.Trial | FrozenTrial) -> TrialState:
    return study._storage.get_trial(trial._trial_id).state
