"""Regularised evolution (Real et al. 2019, arXiv:1802.01548) as an Optuna sampler, for comparison.

It evaluates only what is feasible and was not evaluated before, as the default sampler does: a random population first,
then mutations of one hole of the best of ``TOURNAMENT`` random members of the last ``POPULATION``.
"""

from __future__ import annotations

import random
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from archlab.elaborate import Value
from archlab.search.trial_draw import distribution_of
from benchmarks.macro import Table

POPULATION, TOURNAMENT = 20, 5


class EvolutionSampler(BaseSampler):
    """Evolves networks of a table within ``limit`` FLOPs; of one objective, to maximise."""

    def __init__(self, table: Table, limit: float, seed: int) -> None:
        self._table = table
        self._limit = limit
        self._rng = random.Random(seed)
        self._seen: set[tuple[Value, ...]] = set()

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the distributions of all holes."""
        return {hole.name: distribution_of(hole) for hole in self._table.holes}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of a new feasible network."""
        told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        key = self._random()
        if len(told) >= POPULATION:
            for _ in range(1000):
                members = self._rng.sample(told[-POPULATION:], TOURNAMENT)
                parent = max(members, key=lambda member: member.values[0])
                child = self._mutated(tuple(parent.params[hole.name] for hole in self._table.holes))
                if self._is_new(child):
                    key = child
                    break
        self._seen.add(key)
        return {hole.name: value for hole, value in zip(self._table.holes, key, strict=True)}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Refuse: a table has no other parameters."""
        raise ValueError(param_name)

    def _random(self) -> tuple[Value, ...]:
        while True:
            key = tuple(self._rng.choice(hole.labels) for hole in self._table.holes)
            if self._is_new(key):
                return key

    def _mutated(self, key: tuple[Value, ...]) -> tuple[Value, ...]:
        place = self._rng.randrange(len(key))
        others = [label for label in self._table.holes[place].labels if label != key[place]]
        return (*key[:place], self._rng.choice(others), *key[place + 1 :])

    def _is_new(self, key: tuple[Value, ...]) -> bool:
        return key not in self._seen and self._table.flops.get(key, float("inf")) <= self._limit
