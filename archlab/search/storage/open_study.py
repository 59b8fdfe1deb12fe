"""A study of a search: made, resumed, or refused where it belongs to another search."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import BaseStorage

from archlab.errors import InputError
from archlab.files import cannot_write
from archlab.search.storage.failures import unreadable
from archlab.search.storage.record import PLAN


def open_study(
    storage: BaseStorage,
    name: str,
    plan: Mapping[str, Any],
    directions: Sequence[Literal["maximize", "minimize"]],
    where: str,
) -> optuna.Study:
    """Return the study ``name``, made if it is not there, and refused if it was made for another search.

    Raises:
        InputError: it belongs to another space, budget, objective, seed or version, or cannot be read.
    """
    try:
        # Asked first, since a journal keeps even an attempt to create what is there.
        known = name in optuna.get_all_study_names(storage)
        if known:
            study = optuna.load_study(storage=storage, study_name=name)
        else:
            study = optuna.create_study(
                storage=storage, study_name=name, directions=list(directions), load_if_exists=True
            )
        attrs = study.user_attrs
        if PLAN not in attrs and not study.trials:
            study.set_user_attr(PLAN, dict(plan))
            return study
    except OSError as error:
        raise cannot_write(Path(where), error) from error
    except Exception as error:
        raise unreadable(where, error) from error
    theirs = attrs.get(PLAN)
    if not isinstance(theirs, dict):
        raise InputError(f"the study {name!r} in {where} is not archlab's", hint="choose another --study or --out")
    for key, value in plan.items():
        if theirs.get(key) != value:
            made = _short(theirs.get(key))
            raise InputError(
                f"the study {name!r} in {where} was made with {key} {made}, not {_short(value)}",
                hint="choose another --study or --out, or give the same again to resume it",
            )
    return study


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:60]}…"
