"""What a stage's study is asked with: its sampler and its pruner."""

from __future__ import annotations

from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from archlab.elaborate import Interpreter
from archlab.errors import ExhaustedError
from archlab.search.plan import Plan
from archlab.search.sampler import make_sampler
from archlab.search.storage.one_trial import is_from_queue
from archlab.search.storage.record import record_in


def equip(study: optuna.Study, plan: Plan, interpreter: Interpreter, stream: int) -> None:
    """Gives ``study`` the plan's sampler and pruner.

    Args:
        stream: what Optuna's samplers mix with the seed, for each process its own.
    """
    if plan.stage > 1:
        study.sampler = QueueSampler()
    else:
        study.sampler = make_sampler(plan.sampler, interpreter, plan.budget, plan.seed, plan.metrics, stream, plan.note)
    study.pruner = make_pruner(plan.pruner or ("median" if plan.stage == 1 else "halving"))


def make_pruner(name: str) -> BasePruner:
    """Optuna's pruner of that name; each keeps what it knows in the study, for all workers and after a resumption."""
    made: dict[str, type[BasePruner]] = {
        "halving": HalvingPruner,
        "median": MedianPruner,
        "none": NopPruner,
    }
    return made[name]()


class HalvingPruner(SuccessiveHalvingPruner):
    """Optuna's, but that a trial that died and is run again competes once: a resumed stage prunes as if in one go."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether ``trial`` is to stop, by what it reported last."""
        return super().prune(cast(optuna.Study, _Living(study)), trial)


class _Living:
    """A study as a pruner sees it, without trials that came to nothing."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def get_trials(self, deepcopy: bool = True) -> list[FrozenTrial]:
        trials = self._study.get_trials(deepcopy=deepcopy)
        return [trial for trial in trials if trial.state != TrialState.FAIL or record_in(trial) is not None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)


class QueueSampler(BaseSampler):
    """Draws nothing: a later stage judges what stands in its queue."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None, where the trial came from the queue.

        Raises:
            ExhaustedError: it did not.
        """
        if not is_from_queue(trial):
            raise ExhaustedError("every candidate of this stage was evaluated")
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Never asked for: a candidate in the queue has all its holes filled.

        Raises:
            ExhaustedError: it had not.
        """
        raise ExhaustedError(f"a candidate of this stage does not say what {param_name} is")
