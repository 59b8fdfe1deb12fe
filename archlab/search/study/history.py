"""What a study has come to so far, as archlab's trials, and how a caller follows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from archlab.search.plan import Stage
from archlab.search.result import Trial
from archlab.search.storage.trial_record import EVALUATED

Watch = Callable[["History", str], None]
"""Is called after every draw, with a sentence where something else is going on."""

Progress = Callable[[Stage], AbstractContextManager[Watch]]
"""Makes a watcher for each stage."""

EXHAUSTED = "no new network within the budget was found"
INTERRUPTED = "interrupted by the user"
TIME_IS_UP = "the time limit was reached"


@dataclass
class History:
    """What has been drawn so far; grows as the search goes on.

    Attributes:
        evaluated: how many evaluations its trials have cost.
    """

    trials: list[Trial] = field(default_factory=list)
    best_by_digest: dict[str, Trial] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)
    judged_again: set[int] = field(default_factory=set)
    interrupted: str | None = None
    evaluated: int = 0

    def add(self, number: int, trial: Trial | None) -> None:
        """Add a finished trial, or the number of one without a result."""
        self.numbers.add(number)
        if trial is None:
            return
        self.trials.append(trial)
        self.evaluated += trial.state in EVALUATED
        if trial.digest is not None and trial.state != "repeated":
            self.best_by_digest.setdefault(trial.digest, trial)

    def judge_again(self, number: int, again: int) -> None:
        """Take back the evaluation of a trial that has failed and was queued again, as trial ``again``."""
        if number in self.judged_again or number not in self.numbers:
            return
        self.judged_again.add(number)
        for place, trial in enumerate(self.trials):
            if trial.number == number and trial.state == "failed":
                self.evaluated -= 1
                self.trials[place] = replace(trial, state="repeated", repeat_of=again)
                if trial.digest is not None and self.best_by_digest.get(trial.digest) is trial:
                    del self.best_by_digest[trial.digest]

    def scored(self) -> list[Trial]:
        """Return the trials that have values."""
        return [trial for trial in self.trials if trial.state == "scored"]


@contextlib.contextmanager
def no_progress(_: Stage) -> Iterator[Watch]:
    """Make a watcher that does nothing."""
    yield lambda *_: None
