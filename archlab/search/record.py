"""What archlab leaves in a study, beside Optuna's own: the names of its attributes, and the record of each trial."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from optuna.trial import FrozenTrial, TrialState

from archlab.search.result import Trial

PLAN = "archlab:plan"
"""Of a study: what must be the same for it to be resumed."""
SETUP = "archlab:setup"
"""Of a study: what a worker needs besides, and may change when it is resumed."""
CLAIM = "archlab:claim"
"""Of a trial: the digest of the network that it is for."""
SOURCE = "archlab:source"
"""Of a trial of a later stage: the number that its network's trial has in the first."""
RECORD = "archlab:trial"
"""Of a trial: what came of it."""

SPENDING = ("scored", "failed", "pruned")
"""The states in which a trial has cost an evaluation."""


def record_of(trial: Trial) -> dict[str, Any]:
    """A trial as the storage keeps it: only what differs from the defaults."""
    defaults = {f.name: f.default for f in dataclasses.fields(Trial)}
    return {name: value for name, value in dataclasses.asdict(trial).items() if value not in (defaults[name], {})}


def trial_of(number: int, record: object) -> Trial | None:
    """The trial that a storage kept; None where there is no whole record of it."""
    hints = get_type_hints(Trial)
    if not isinstance(record, dict) or not {"state"} <= set(record) <= set(hints):
        return None
    return Trial(**{"draws": {}, "cost": {}, **record, "number": number})


def told(trial: FrozenTrial) -> dict[str, Any] | None:
    """The record of a finished trial; None for one that came to nothing.

    So does a trial whose worker died, whose disk was full, which was interrupted or one too many: it failed without a
    record, or was judged but never told, and is queued again, record and all.
    """
    record = trial.user_attrs.get(RECORD)
    if not isinstance(record, dict):
        return None
    return None if trial.state == TrialState.FAIL and record.get("state") != "failed" else record


def spent(trial: FrozenTrial) -> bool:
    """Whether a finished trial has cost an evaluation."""
    return (told(trial) or {}).get("state") in SPENDING
