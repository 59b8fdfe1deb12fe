"""The code that judged a study, version by version: a study whose code has changed says so, or is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import optuna

from archlab.errors import InputError
from archlab.search.judging_code import Code, code_of, difference
from archlab.search.objective import Goal
from archlab.search.own_code import OwnRules
from archlab.search.result import CodeChange
from archlab.search.storage.trial_record import CODE, RECORD

Codes = dict[str, Code]
"""The code of each objective, metric and filter that is a user's, by its name."""


def codes_of(goals: Iterable[Goal], own: OwnRules) -> Codes:
    """Return the code of each objective, metric and filter that is a user's."""
    codes = {goal.name: code_of(goal) for goal in goals if goal.kind == "user"}
    return codes | {function.name: code_of(function) for function in own.all}


def refuse_changed_code(study: optuna.Study, goals: Iterable[Goal], own: OwnRules, where: str) -> None:
    """Refuse a study of which other code has given values.

    Raises:
        InputError: the code differs; the message says which files do.
    """
    changes = _changes(study, codes_of(goals, own))
    if changes and _has_values(study):
        raise InputError(
            f"the study {study.study_name!r} in {where} was judged by other code: {changes}",
            hint="put the old code back, choose another --study or --out, or resume with --accept-changed-code",
        )


def record_code(study: optuna.Study, goals: Iterable[Goal], own: OwnRules) -> None:
    """Write down the code that judges from the next trial on, where it is not the code that judged before."""
    codes, versions = codes_of(goals, own), _versions(study)
    if versions and versions[-1]["code"] == codes:
        return
    if not _has_values(study):
        versions = []  # what gave no value was judged by nothing
    first = len(study.get_trials(deepcopy=False)) if versions else 0
    study.set_user_attr(CODE, [*versions, {"from": first, "code": codes}])


def code_changes(study: optuna.Study) -> tuple[CodeChange, ...]:
    """Return each change of the code that judged a study."""
    versions = _versions(study)
    return tuple(
        CodeChange(after["from"], _words(before["code"], after["code"]))
        for before, after in itertools.pairwise(versions)
    )


def _changes(study: optuna.Study, ours: Codes) -> str:
    versions = _versions(study)
    return _words(versions[-1]["code"], ours) if versions else ""


def _words(theirs: Codes, ours: Codes) -> str:
    return ", ".join(
        filter(None, (difference(theirs.get(name, {}), ours.get(name, {})) for name in {**theirs, **ours}))
    )


def _versions(study: optuna.Study) -> list[dict[str, Any]]:
    found = study.user_attrs.get(CODE)
    return list(found) if isinstance(found, list) else []


def _has_values(study: optuna.Study) -> bool:
    """Return whether an evaluation of a study came to a value, or was pruned by one."""
    records = (trial.user_attrs.get(RECORD) for trial in study.get_trials(deepcopy=False))
    return any(isinstance(record, dict) and record.get("state") in ("scored", "pruned") for record in records)
