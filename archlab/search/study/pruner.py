"""Pruners by name: what stops an objective that reports to its trial."""

from __future__ import annotations

from typing import Any, cast

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial, TrialState

from archlab.search.storage.ledger import retried_in
from archlab.search.storage.trial_record import record_in


def make_pruner(name: str) -> BasePruner:
    """Make Optuna's pruner of that name; each keeps what it knows in the study, for all workers and resumptions."""
    made: dict[str, type[BasePruner]] = {
        "halving": HalvingPruner,
        "median": MedianPruner,
        "none": NopPruner,
    }
    return made[name]()


class HalvingPruner(SuccessiveHalvingPruner):
    """Optuna's, except that a trial that died and is run again competes once: resumed or not, a stage prunes alike."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether ``trial`` is to stop, by what it reported last."""
        return super().prune(cast(optuna.Study, _WithoutDead(study)), trial)


class _WithoutDead:
    """A study as a pruner sees it, but for trials that have no result."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def get_trials(self, deepcopy: bool = True) -> list[FrozenTrial]:
        trials = self._study.get_trials(deepcopy=deepcopy)
        retried = retried_in(trials)
        alive = [trial for trial in trials if trial.number not in retried]
        return [trial for trial in alive if trial.state != TrialState.FAIL or record_in(trial) is not None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)
