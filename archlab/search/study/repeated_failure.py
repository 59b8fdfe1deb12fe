"""A broken objective: one error in one line of the user's file, evaluation after evaluation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from archlab.errors import InputError
from archlab.search.result import Trial
from archlab.search.storage.trial_record import EVALUATED

TIMES = 3
"""Evaluations in a row that fail alike after which a search gives up."""

_PLACE = re.compile(r" \([^()]+:\d+\)$")
"""How the reason of a failure ends that has a line of the user's."""


def repeated_failure(trials: Sequence[Trial]) -> str | None:
    """Return the reason with which the last evaluations failed, all alike and in one line; None where they did not.

    Args:
        trials: in the order in which they ended; those that cost no evaluation are passed over.
    """
    last = list(islice((trial for trial in reversed(trials) if trial.state in EVALUATED), TIMES))
    reasons = {trial.reason for trial in last if trial.state == "failed"}
    reason = next(iter(reasons), None)
    alike = len(last) == TIMES and len(reasons) == 1 and all(trial.state == "failed" for trial in last)
    return reason if alike and reason is not None and _PLACE.search(reason) else None


def refuse_repeated_failure(trials: Sequence[Trial]) -> None:
    """Refuse to go on where ``repeated_failure`` finds one.

    Raises:
        InputError: it does; the message has the line.
    """
    reason = repeated_failure(trials)
    if reason is not None:
        raise InputError(
            f"{TIMES} evaluations in a row failed with the same error: {reason}",
            hint="mend it, and run the same with --retry-failed, which judges the failed ones again; "
            "--keep-going goes on whatever fails",
        )
