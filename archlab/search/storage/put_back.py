"""A trial that led to no verdict is queued again: interrupted, untold, or left by a process that died."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from archlab.search.choices import MAX_DEATHS
from archlab.search.storage.ledger import RETRIES, ledger_of
from archlab.search.storage.one_trial import BEGUN, fail_with_reason
from archlab.search.storage.trial_record import CLAIM, DEATHS, RECORD, record_in


def put_back(
    study: optuna.Study,
    trial: optuna.Trial | FrozenTrial,
    kept: Mapping[str, Any] | None = None,
    *,
    died: bool = False,
    max_deaths: int = MAX_DEATHS,
) -> None:
    """Fail a running trial and queue the same again, with its record where it has one; nothing where it has ended.

    Args:
        kept: user attributes that the storage may not have yet, such as the record.
        died: whether its process did; a network that kills ``max_deaths`` of them is a failed candidate.
    """
    here = study._storage.get_trial(trial._trial_id)
    deaths = _deaths(here, died)
    if deaths > _deaths(here, False) and deaths >= max_deaths:
        times = "once" if deaths == 1 else f"{deaths} times"
        fail_with_reason(study, trial, f"it ended its process {times} (--max-deaths)")
        return
    try:
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:  # another was quicker
        return
    queue_retry(study, study._storage.get_trial(trial._trial_id), kept, died=died)


def queue_retry(
    study: optuna.Study, trial: FrozenTrial, kept: Mapping[str, Any] | None = None, *, died: bool = False
) -> None:
    """Queue a trial that has ended once more, in its slot."""
    deaths = _deaths(trial, died)
    user = {**trial.user_attrs, **(kept or {})} | ({DEATHS: deaths} if deaths else {})
    _queue(study, trial, user)


def judge_again(study: optuna.Study) -> int:
    """Queue once more what has failed with a record and was not judged again; return how many that are."""
    trials = study.get_trials(deepcopy=False)
    retried = ledger_of(trials).retries
    failed = [t for t in trials if t.number not in retried and (record_in(t) or {}).get("state") == "failed"]
    for trial in failed:
        _queue(study, trial, {key: trial.user_attrs[key] for key in trial.user_attrs if key not in (RECORD, DEATHS)})
    return len(failed)


def _queue(study: optuna.Study, trial: FrozenTrial, user_attrs: dict[str, Any]) -> None:
    history = [*trial.system_attrs.get(RETRIES, []), trial.number]
    system = {key: value for key, value in trial.system_attrs.items() if key != BEGUN}
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=user_attrs,
            system_attrs={**system, "failed_trial": history[0], RETRIES: history},
        )
    )


def _deaths(trial: FrozenTrial, died: bool) -> int:
    """Count processes that a trial's network has ended: one that was still drawing, or had its record, is not it."""
    known: int = trial.user_attrs.get(DEATHS, 0)
    return known + (died and CLAIM in trial.system_attrs and RECORD not in trial.user_attrs)
