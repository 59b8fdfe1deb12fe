"""Claims: how workers that share nothing but a storage never evaluate the same network twice.

A worker writes the digest of the network that it is about to evaluate to its trial, and then reads everyone's. Of two
workers that do so, the later reader sees the other's claim, and gives way; where both see each other, both do, and the
network stays free. No lock is needed, only a storage that reads what was written.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from archlab.search.storage.ledger import Ledger
from archlab.search.storage.settled import count_settled
from archlab.search.storage.trial_record import CLAIM, EVALUATED, RECORD


class SettledClaims:
    """Who has each network, of a study's settled trials: they are looked at once."""

    def __init__(self) -> None:
        self._settled = 0
        self._owners: dict[str, tuple[int, ...]] = {}
        self._ledger = Ledger()

    def owner(self, trials: Sequence[FrozenTrial], digest: str, but: int) -> int | None:
        """Return the number of the first trial that has a network, besides the unfinished one with the id ``but``.

        What was queued again has it no longer: its retry has.
        """
        settled = count_settled(trials, self._settled)
        for trial in trials[self._settled : settled]:
            theirs = trial.system_attrs.get(CLAIM)
            if theirs is not None and _counts(trial):
                self._owners[theirs] = (*self._owners.get(theirs, ()), trial.number)
        self._settled = settled
        others = [t for t in trials[settled:] if t._trial_id != but and t.system_attrs.get(CLAIM) == digest]
        owners = [*self._owners.get(digest, ()), *(other.number for other in others if _counts(other))]
        if not owners:
            return None
        self._ledger.read(trials)
        passed_on = self._ledger.retries.keys() | self._ledger.duplicates
        return next((number for number in owners if number not in passed_on), None)


def claim(
    study: optuna.Study, trial: optuna.Trial | FrozenTrial, digest: str, settled: SettledClaims | None = None
) -> int | None:
    """Claim a network for a running trial; return the number of another trial that has it already, or None.

    The claim is written to the storage itself, as the notes of Optuna's own samplers are: a study has no method for it.

    Args:
        settled: what the caller keeps from one claim to the next.
    """
    attrs = study._storage.get_trial(trial._trial_id).system_attrs
    if attrs.get(CLAIM) != digest:
        study._storage.set_trial_system_attr(trial._trial_id, CLAIM, digest)
    elif "failed_trial" not in attrs:
        return None  # claimed before, by the sampler; a retry's claim may have been released in between
    trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
    return (settled or SettledClaims()).owner(trials, digest, trial._trial_id)


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
