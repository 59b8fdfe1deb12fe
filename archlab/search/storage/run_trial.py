"""One trial, run and told: whatever meets it on the way, its network is told, queued again, or left to be found."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from archlab.search.storage.one_trial import ask_for_trial, beating, end_without_verdict, is_running
from archlab.search.storage.put_back import put_back


def run_one_trial(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], Sequence[float]],
    catch: tuple[type[Exception], ...],
    drop: tuple[type[Exception], ...] = (),
    kept: Callable[[], Mapping[str, Any]] = dict,
) -> bool:
    """Run one trial; return False where it was given to another worker in the meantime.

    Optuna's own loop tells a trial as failed whatever leaves the objective: Ctrl-C or a full disk at the moment of
    telling would throw an evaluation away. Here such a trial is queued again; where not even that can be written, it
    stays running, and whoever looks next finds that nobody runs it.

    Args:
        catch: exceptions of ``objective`` that are the trial's verdict: it failed.
        drop: exceptions by which it ends without one; they pass through.
        kept: what of a trial's verdict the storage may not have yet, as user attributes.
    """
    trial = ask_for_trial(study)
    try:
        with beating(study, trial):
            state, values = _verdict(objective, trial, catch)
        if not is_running(study, trial):
            return False
        _tell(study, trial, values, state)
    except drop:
        end_without_verdict(study, trial)
        raise
    except UpdateFinishedTrialError:
        return False
    except BaseException:
        with contextlib.suppress(Exception):
            put_back(study, trial, kept())
        raise
    study._storage.remove_session()
    return True


def _tell(study: optuna.Study, trial: optuna.Trial, values: Sequence[float] | None, state: TrialState) -> None:
    """Tell a trial's verdict.

    Raises:
        UpdateFinishedTrialError: another has ended it.
    """
    try:
        study.tell(trial, values, state)
    except ValueError as error:
        if is_running(study, trial):
            raise
        raise UpdateFinishedTrialError(str(error)) from error


def _verdict(
    objective: Callable[[optuna.Trial], Sequence[float]], trial: optuna.Trial, catch: tuple[type[Exception], ...]
) -> tuple[TrialState, Sequence[float] | None]:
    try:
        return TrialState.COMPLETE, objective(trial)
    except optuna.TrialPruned:
        return TrialState.PRUNED, None
    except catch:
        return TrialState.FAIL, None
