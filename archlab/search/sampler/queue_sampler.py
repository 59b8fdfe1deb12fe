"""The sampler of a later stage, which draws nothing: its candidates are in the study's queue."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from archlab.errors import ExhaustedError
from archlab.search.storage.one_trial import is_from_queue


class QueueSampler(BaseSampler):
    """Draws nothing: a later stage judges what is in its queue."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return no distributions for a trial that came from the queue.

        Raises:
            ExhaustedError: it did not.
        """
        if not is_from_queue(trial):
            raise ExhaustedError("every candidate of this stage was evaluated")
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return no values."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Refuse: a candidate in the queue has all its holes filled.

        Raises:
            ExhaustedError: it had not.
        """
        raise ExhaustedError(f"a candidate of this stage has no value for {param_name}")
