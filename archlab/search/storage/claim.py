"""Claims: how workers that share nothing but a storage never evaluate the same network twice.

A worker writes the digest of the network that it is about to evaluate to its trial, and then reads everyone's. Of two
workers that do so, the later reader sees the other's claim, and gives way; where both see each other, both do, and the
network stays free. No lock is needed, only a storage that reads what was written.
"""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from archlab.search.storage.ledger import ledger_of
from archlab.search.storage.trial_record import CLAIM, EVALUATED, RECORD


def claim(study: optuna.Study, trial: optuna.Trial | FrozenTrial, digest: str) -> int | None:
    """Claim a network for a running trial; return the number of another trial that has it already, or None.

    The claim is written to the storage itself, as the notes of Optuna's own samplers are: a study has no method for it.
    """
    attrs = study._storage.get_trial(trial._trial_id).system_attrs
    if attrs.get(CLAIM) != digest:
        study._storage.set_trial_system_attr(trial._trial_id, CLAIM, digest)
    elif "failed_trial" not in attrs:
        return None  # claimed before, by the sampler; a retry's claim may have been released in between
    trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
    others = [
        other
        for other in trials
        if other._trial_id != trial._trial_id and other.system_attrs.get(CLAIM) == digest and _counts(other)
    ]
    if others:  # seldom
        ledger = ledger_of(trials)
        others = [o for o in others if o.number not in ledger.retries and o.number not in ledger.duplicates]
    return others[0].number if others else None


def claimed_digest(trial: FrozenTrial) -> str | None:
    """Return the digest that an unfinished trial has claimed; None for a retry, whose claim is of its first try."""
    if trial.system_attrs.get("retry_history"):
        return None
    digest: str | None = trial.system_attrs.get(CLAIM)
    return digest


def _counts(trial: FrozenTrial) -> bool:
    """Return whether a claim counts: not of a trial that gave way or died; of one that was evaluated, though untold."""
    record = trial.user_attrs.get(RECORD) or {}
    return trial.state in (TrialState.RUNNING, TrialState.WAITING, TrialState.COMPLETE) or (
        record.get("state") in EVALUATED
    )
