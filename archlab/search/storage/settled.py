"""Finished trials, looked at once: what one of them was and cost stays as it is, however long a search goes on."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial


def count_settled(trials: Sequence[FrozenTrial], known: int) -> int:
    """Return how many of a study's trials have finished before the first that has not.

    Args:
        trials: all of a study, by number.
        known: how many have, as was found before.
    """
    while known < len(trials) and trials[known].state.is_finished():
        known += 1
    return known
