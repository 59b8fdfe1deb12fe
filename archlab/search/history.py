"""What a study has come to so far, as archlab's trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from archlab.search.result import Trial
from archlab.search.storage.record import EVALUATED

Watch = Callable[["History", str], None]
"""Is told of every draw, and in words of what goes on besides."""

EXHAUSTED = "no new network within the budget was found"
INTERRUPTED = "interrupted by the user"
TIME_IS_UP = "the time limit was reached"


@dataclass
class History:
    """What has been drawn so far; grows as the search goes on."""

    trials: list[Trial] = field(default_factory=list)
    best_by_digest: dict[str, Trial] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)
    interrupted: str | None = None
    spent: int = 0

    def add(self, number: int, trial: Trial | None) -> None:
        """Takes in a finished trial, and the number of one that came to nothing."""
        self.numbers.add(number)
        if trial is None:
            return
        self.trials.append(trial)
        self.spent += trial.state in EVALUATED
        if trial.digest is not None and trial.state != "repeated":
            self.best_by_digest.setdefault(trial.digest, trial)

    def scored(self) -> list[Trial]:
        """The trials that have values."""
        return [trial for trial in self.trials if trial.state == "scored"]
