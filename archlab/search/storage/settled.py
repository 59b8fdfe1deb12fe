"""Finished trials, looked at once: what one of them was and cost stays as it is, however long a search goes on."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from archlab.search.storage.trial_record import is_evaluated


def count_settled(trials: Sequence[FrozenTrial], known: int) -> int:
    """Return how many of a study's trials have finished before the first that has not.

    Args:
        trials: all of a study, by number.
        known: how many have, as was found before.
    """
    while known < len(trials) and trials[known].state.is_finished():
        known += 1
    return known


class EvaluationCount:
    """How many evaluations a study's settled trials have cost, by the number of the trial before which they stand."""

    def __init__(self) -> None:
        self._before = [0]

    def split(self, trials: Sequence[FrozenTrial], number: int | None = None) -> tuple[int, Sequence[FrozenTrial]]:
        """Return the evaluations of settled trials, and the other trials, of those before ``number`` where it is given.

        Args:
            trials: all of the study, by number; more than were given before.
        """
        known = len(self._before) - 1
        for trial in trials[known : count_settled(trials, known)]:
            self._before.append(self._before[-1] + is_evaluated(trial))
        end = len(trials) if number is None else min(number, len(trials))
        settled = min(end, len(self._before) - 1)
        return self._before[settled], trials[settled:end]
