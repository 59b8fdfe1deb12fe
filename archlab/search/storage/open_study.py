"""A study of a search: made, resumed, or refused where it belongs to another search."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import optuna

from archlab.errors import InputError
from archlab.search.storage.failures import explain_opening_errors
from archlab.search.storage.open_storage import Opened
from archlab.search.storage.trial_record import PLAN, RECORD


def open_study(
    opened: Opened, name: str, plan: Mapping[str, Any], directions: Sequence[Literal["maximize", "minimize"]]
) -> optuna.Study:
    """Return the study ``name``, made if it is not there, and refused if it was made for another search.

    Args:
        plan: what must be the same for it to be resumed.

    Raises:
        InputError: it belongs to another space, budget, objective, seed or version, or cannot be read.
    """
    storage, where = opened.storage, opened.address.where
    with explain_opening_errors(opened.address):
        # Asked first, since a journal keeps even an attempt to create what is there.
        if name in optuna.get_all_study_names(storage):
            study = optuna.load_study(storage=storage, study_name=name)
        else:
            study = optuna.create_study(
                storage=storage, study_name=name, directions=list(directions), load_if_exists=True
            )
        attrs = study.user_attrs
        if PLAN not in attrs and (not study.trials or _was_of(study, plan)):
            study.set_user_attr(PLAN, dict(plan))
            return study
    theirs = attrs.get(PLAN)
    if not isinstance(theirs, dict):
        raise InputError(f"the study {name!r} in {where} is not archlab's", hint="choose another --study or --out")
    for key in dict.fromkeys([*plan, *theirs]):
        value = plan.get(key)
        if theirs.get(key) != value:
            made = _short(theirs.get(key))
            raise InputError(
                f"the study {name!r} in {where} was made with {key} {made}, not {_short(value)}",
                hint="choose another --study or --out, or give the same again to resume it",
            )
    return study


def _was_of(study: optuna.Study, plan: Mapping[str, Any]) -> bool:
    """Return whether a study whose plan was torn away has values of this plan's objectives."""
    names = {str(objective).partition(" ")[2] for objective in plan.get("objectives", ())}
    records = [trial.user_attrs.get(RECORD) for trial in study.get_trials(deepcopy=False)]
    valued = [set(record["values"]) for record in records if isinstance(record, dict) and record.get("values")]
    return bool(valued) and all(values == names for values in valued)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:60]}…"
