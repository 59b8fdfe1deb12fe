"""What archlab leaves in a study beside Optuna's own: the names of its attributes, and the record of each trial."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import optuna
from optuna.trial import FrozenTrial, TrialState

from archlab.search.result import Trial

PLAN = "archlab:plan"
"""Of a study: what must be the same for it to be resumed."""
SETUP = "archlab:setup"
"""Of a study: what else a worker needs, which may change when the study is resumed."""
CODE = "archlab:code"
"""Of a study: the code that judged it, each time it was another, and from which trial on."""
CLAIM = "archlab:claim"
"""Of a trial: the digest of the network that it is for."""
SOURCE = "archlab:source"
"""Of a trial of a later stage: the number that its network's trial has in the first."""
FOUND = "archlab:found"
"""Of a trial in the queue: how its network was found."""
RECORD = "archlab:trial"
"""Of a trial: its result."""
DEATHS = "archlab:deaths"
"""Of a retry: how many processes its network has ended."""
SURPLUS = "archlab:surplus"
"""Of a trial from the queue that was one too many: it is not queued again."""

EVALUATED = ("scored", "failed", "pruned")
"""The states in which a trial has cost an evaluation."""


def record_of(trial: Trial) -> dict[str, Any]:
    """Return a trial as the storage keeps it: only what differs from the defaults."""
    defaults = {f.name: f.default for f in dataclasses.fields(Trial)}
    return {name: value for name, value in dataclasses.asdict(trial).items() if value not in (defaults[name], {})}


def trial_of(number: int, record: object) -> Trial | None:
    """Return the trial that a storage kept; None where there is no whole record of it."""
    hints = get_type_hints(Trial)
    if not isinstance(record, dict) or not {"state"} <= set(record) <= set(hints):
        return None
    return Trial(**{"draws": {}, "cost": {}, **record, "number": number})


def record_in(trial: FrozenTrial) -> dict[str, Any] | None:
    """Return the record of a finished trial; None for a trial without a result.

    A trial has none where its worker died, its disk was full, it was interrupted, or it was one too many: it failed
    without a record, or it was evaluated and its end never reached the storage. Such a trial is queued again, record
    and all (``ledger.is_untold``).
    """
    record = trial.user_attrs.get(RECORD)
    if not isinstance(record, dict):
        return None
    return None if trial.state == TrialState.FAIL and record.get("state") != "failed" else record


def is_evaluated(trial: FrozenTrial) -> bool:
    """Return whether a finished trial has cost an evaluation."""
    return (record_in(trial) or {}).get("state") in EVALUATED


def sources_in(study: optuna.Study) -> dict[int, int]:
    """Return for each queued trial of a later stage, by number, the number that its network's trial has in the first.

    A worker that comes when another has just taken the last of the queue leaves a trial without one, which failed.
    """
    trials = study.get_trials(deepcopy=False)
    return {trial.number: trial.user_attrs[SOURCE] for trial in trials if SOURCE in trial.user_attrs}
