"""Finished trials that share what is alike in all of them, so that a long search keeps less of each in memory.

Optuna reads each trial's names and distributions again, from JSON or from rows: a trial of six holes takes 6.9 kB,
more than half of it for what every other trial has too. What is shared here is never changed: Optuna copies a trial's
parts before it changes them, and a finished trial's are not changed at all.
"""

from __future__ import annotations

import sys
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from archlab.search.storage.trial_record import CLAIM, RECORD

_MOST = 1000
"""Sets of holes whose distributions are kept to be shared: a space of conditional holes has many."""


class SharedParts:
    """What the finished trials of a study have in common."""

    def __init__(self) -> None:
        self._distributions: dict[str, BaseDistribution] = {}
        self._of_holes: dict[tuple[str, ...], dict[str, BaseDistribution]] = {}

    def share(self, trial: FrozenTrial) -> None:
        """Let a finished trial's equal parts be the same objects as those of the trials before; its content stays."""
        trial.distributions = self._shared_distributions(trial.distributions)
        trial.params = _with_shared_names(trial.params)
        trial.system_attrs = _with_shared_names(trial.system_attrs)
        record = trial.user_attrs.get(RECORD)
        if isinstance(record, dict):
            record = {name: _with_shared_names(part) for name, part in _with_shared_names(record).items()}
            if _are_alike(record.get("draws"), trial.params):
                record["draws"] = trial.params
            if record.get("digest") == trial.system_attrs.get(CLAIM) is not None:
                record["digest"] = trial.system_attrs[CLAIM]
            trial.user_attrs = {**_with_shared_names(trial.user_attrs), RECORD: record}

    def _shared_distributions(self, own: dict[str, BaseDistribution]) -> dict[str, BaseDistribution]:
        names = tuple(own)
        known = self._of_holes.get(names)
        if known == own:
            return known
        shared = {sys.intern(name): self._shared_distribution(name, each) for name, each in own.items()}
        if known is None and len(self._of_holes) < _MOST:
            self._of_holes[tuple(shared)] = shared
        return shared

    def _shared_distribution(self, name: str, own: BaseDistribution) -> BaseDistribution:
        known = self._distributions.setdefault(name, own)
        return known if known == own else own


def _with_shared_names(part: Any) -> Any:
    """Return a mapping with its names interned; anything else as it is."""
    return {sys.intern(name): value for name, value in part.items()} if isinstance(part, dict) else part


def _are_alike(one: Any, other: dict[str, Any]) -> bool:
    """Return whether one mapping could stand for the other: 1, 1.0 and True are equal, and written differently."""
    return isinstance(one, dict) and [*map(repr, one.items())] == [*map(repr, other.items())]
