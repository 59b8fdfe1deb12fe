"""One trial in a study: run by Optuna's own loop, and what Optuna keeps of it that has no public method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from archlab.search.result import Trial
from archlab.search.storage.trial_record import CLAIM, RECORD, record_of


def run_one_trial(
    study: optuna.Study, objective: Callable[[optuna.Trial], Sequence[float]], catch: tuple[type[Exception], ...]
) -> bool:
    """Run one trial by Optuna's own loop; return False where it was given to another worker in the meantime.

    The loop keeps the trial's heartbeat, where the storage has one, and takes up the trials of workers that died.

    Args:
        catch: exceptions of ``objective`` that fail the trial; all others pass through.
    """
    running: list[optuna.Trial] = []
    raised: list[BaseException] = []

    def run(trial: optuna.Trial) -> Sequence[float]:
        running.append(trial)
        try:
            return objective(trial)
        except BaseException as error:
            raised.append(error)
            raise

    try:
        study.optimize(run, n_trials=1, catch=catch)
    except (ValueError, AssertionError, UnboundLocalError) as error:
        # Where the storage cannot be written, an error of Optuna's own hides the reason: a full disk, or Ctrl-C.
        if isinstance(error.__context__, OSError | optuna.exceptions.StorageInternalError | KeyboardInterrupt):
            raise error.__context__ from None
        # This is how Optuna reports a trial that was given to another, when this worker was thought dead.
        if error in raised or not running or _state(study, running[0]) != TrialState.FAIL:
            raise
        return False
    return True


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


def queue_again(study: optuna.Study, trial: optuna.Trial) -> None:
    """Queue a new trial with what ``trial`` was given; none where it was given nothing yet."""
    given = {**study._storage.get_trial(trial._trial_id).system_attrs.get("fixed_params", {}), **trial.params}
    if given:
        study.enqueue_trial(given, user_attrs=trial.user_attrs)


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
