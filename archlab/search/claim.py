"""Claims: how workers that share nothing but a storage never evaluate the same network twice.

A worker writes the digest of the network that it is about to evaluate to its trial, and then reads everyone's. Of two
workers that do so, the later reader sees the other's claim, and gives way; where both see each other, both do, and the
network stays free. No lock is needed, only a storage that reads what was written.
"""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from archlab.search.record import CLAIM, spent


def claim(study: optuna.Study, trial_id: int, digest: str) -> int | None:
    """Claims a network for a running trial; the number of another trial that has it already, or None.

    By way of the storage, as Optuna's own samplers keep notes with a trial: a study has no method for it.
    """
    attrs = study._storage.get_trial(trial_id).system_attrs
    if attrs.get(CLAIM) != digest:
        study._storage.set_trial_system_attr(trial_id, CLAIM, digest)
    elif "failed_trial" not in attrs:
        return None  # claimed before, by the sampler; a retry's claim may have been let go of in between
    for other in study._storage.get_all_trials(study._study_id, deepcopy=False):
        if other._trial_id != trial_id and other.system_attrs.get(CLAIM) == digest and _holds(other):
            return other.number
    return None


def _holds(trial: FrozenTrial) -> bool:
    """Whether a claim counts: of a trial that runs, was judged or is queued again, not of one that gave way."""
    return trial.state in (TrialState.RUNNING, TrialState.WAITING, TrialState.COMPLETE) or spent(trial)
