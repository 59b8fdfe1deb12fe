"""Notes for optuna-dashboard: what was searched for, and each finalist's text and costs beside its trial.

They are written as optuna-dashboard's own ``save_note`` does (version 0.21, MIT): to the study's system attributes, in
pieces. So the storage shows them wherever it is opened, and searching needs no dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from archlab.cost import METRICS, Budget
from archlab.search.result import Finalist

_PIECE = 2045


def write_dashboard_notes(
    study: optuna.Study, space: str, text: str, budget: Budget, finalists: Sequence[Finalist]
) -> None:
    """Write a note on the study, and one on the trial of each finalist.

    Args:
        space: the space's name; ``text`` is its text.
    """
    ids = {trial.number: trial._trial_id for trial in study.get_trials(deepcopy=False)}
    names = ", ".join(f"trial {finalist.trial}" for finalist in finalists) or "none"
    _write_note(study, None, f"## {space}\n\nBudget: {budget}. Finalists: {names}.\n\n{_fenced(text)}")
    for place, finalist in enumerate(finalists, start=1):
        rows = [f"| {name} | {value:.6g} |" for name, value in finalist.values.items()]
        rows += [f"| {n} | {METRICS[n].format(v)} |" for n, v in finalist.cost.items() if n in METRICS]
        table = "\n".join(["| | |", "|---|---|", *rows])
        note = f"## Finalist {place}: {finalist.name}\n\n{table}\n\n{_fenced(finalist.text)}"
        _write_note(study, ids[finalist.trial], note)


def _fenced(text: str) -> str:
    return f"```\n{text.rstrip()}\n```\n"


def _write_note(study: optuna.Study, trial_id: int | None, body: str) -> None:
    storage, prefix = study._storage, "dashboard:" if trial_id is None else f"dashboard:{trial_id}:"
    attrs = storage.get_study_system_attrs(study._study_id)
    pieces = [body[i : i + _PIECE] for i in range(0, len(body), _PIECE)]
    old = sum(key.startswith(f"{prefix}note_str:") for key in attrs)
    new = dict(enumerate([*pieces, *[""] * (old - len(pieces))]))
    if all(attrs.get(f"{prefix}note_str:{i}") == piece for i, piece in new.items()):
        return
    storage.set_study_system_attr(study._study_id, f"{prefix}note_ver", attrs.get(f"{prefix}note_ver", 0) + 1)
    for i, piece in new.items():
        storage.set_study_system_attr(study._study_id, f"{prefix}note_str:{i}", piece)
