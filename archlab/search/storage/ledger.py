"""What a study's trials have come to: which count as evaluations, which were queued again, and which were told nothing.

A trial whose process ended is queued again as a new one, its retry, which keeps its place in the count of evaluations:
its *slot*, the number of the first of them. Where no lock keeps two workers from queueing one trial again, the first
retry counts, and the others give way.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from archlab.search.storage.settled import count_settled
from archlab.search.storage.trial_record import CLAIM, RECORD, SOURCE, SURPLUS, is_evaluated, record_in

RETRIES = "retry_history"
"""Of a retry: the numbers of the trials that it stands for, in order, as Optuna's own retries have it."""


@dataclass
class Ledger:
    """The trials of a study as they were read last; what has ended is looked at once.

    Attributes:
        retries: for each trial that was queued again the number of its retry.
        duplicates: retries of trials that have one already, and candidates of a later stage that were in its queue,
            as two processes that open it at once leave them.
        untold: trials that ended without a verdict and were not queued again, by number.
    """

    retries: dict[int, int] = field(default_factory=dict)
    duplicates: set[int] = field(default_factory=set)
    untold: dict[int, FrozenTrial] = field(default_factory=dict)
    _sources: dict[int, int] = field(default_factory=dict)
    _slots: dict[int, int] = field(default_factory=dict)
    """Of retries; any other trial is its own."""
    _evaluated: list[int] = field(default_factory=list)
    """The slots that have cost an evaluation, in order."""
    _running: list[int] = field(default_factory=list)
    _waiting: list[int] = field(default_factory=list)
    _ended: set[int] = field(default_factory=set)
    """What has ended behind the first that has not."""
    _added: int = 0
    _settled: int = 0

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what is new among all ``trials`` of the study, which are in the order of their numbers."""
        for trial in trials[self._added :]:
            self._add(trial)
        self._added = len(trials)
        self._running, self._waiting = [], []
        for trial in trials[self._settled :]:
            number = trial.number
            if number in self._ended:
                continue
            if trial.state == TrialState.RUNNING:
                self._running.append(number)
            elif trial.state == TrialState.WAITING:
                self._waiting.append(number)
            else:
                self._ended.add(number)
                if number not in self.retries and number not in self.duplicates:
                    if is_evaluated(trial):
                        insort(self._evaluated, self._slot(number))
                    elif is_untold(trial):
                        self.untold[number] = trial
        self._settled = count_settled(trials, self._settled)
        self._ended = {number for number in self._ended if number >= self._settled}

    def count_begun(self, before: int | None = None) -> int:
        """Count evaluations that were done or may be under way, of the slots before that of trial ``before``.

        Without one it counts all but those in the queue, which are there to be taken.
        """
        open_ones = self._running if before is None else [*self._running, *self._waiting]
        begun = [*self.untold, *(number for number in open_ones if number not in self.duplicates)]
        if before is None:
            return len(self._evaluated) + len(begun)
        last = self._slot(before)
        return bisect_left(self._evaluated, last) + sum(self._slot(number) < last for number in begun)

    def _slot(self, number: int) -> int:
        return self._slots.get(number, number)

    def _add(self, trial: FrozenTrial) -> None:
        history = trial.system_attrs.get(RETRIES) or [trial.number]
        if history[0] != trial.number:
            self._slots[trial.number] = history[0]
        if history[-1] == trial.number:
            source = trial.user_attrs.get(SOURCE)
            if source is not None and self._sources.setdefault(source, trial.number) != trial.number:
                self.duplicates.add(trial.number)
            return
        if history[-1] in self.retries or history[0] in self.duplicates:
            self.duplicates.add(trial.number)
        else:
            self.retries[history[-1]] = trial.number
            self.untold.pop(history[-1], None)
            place = bisect_left(self._evaluated, history[0])
            if self._evaluated[place : place + 1] == [history[0]]:
                del self._evaluated[place]


def ledger_of(trials: Sequence[FrozenTrial]) -> Ledger:
    """Return the ledger of a study's trials."""
    made = Ledger()
    made.read(trials)
    return made


def retried_in(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the numbers of the trials that were queued again."""
    return {number for trial in trials for number in trial.system_attrs.get(RETRIES, ())}


def is_untold(trial: FrozenTrial) -> bool:
    """Return whether a finished trial was begun with a network and has no verdict, whatever state it was given.

    It has none where it was interrupted, or its disk was full, before its record or between that and its end.
    """
    if SURPLUS in trial.user_attrs:
        return False
    record = trial.user_attrs.get(RECORD)
    if isinstance(record, dict):
        # What is repeated and has no value is told as failed, too.
        return record_in(trial) is None and record.get("state") != "repeated"
    return CLAIM in trial.system_attrs or "fixed_params" in trial.system_attrs
