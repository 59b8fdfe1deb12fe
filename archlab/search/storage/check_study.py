"""What is in a storage, study by study, and what of it can be mended."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from archlab.errors import InputError
from archlab.search.choices import HEARTBEAT, MAX_DEATHS
from archlab.search.storage.failures import explain_opening_errors, explain_storage_errors, silence_optuna
from archlab.search.storage.journal import pieces_in
from archlab.search.storage.ledger import ledger_of
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.mend_journal import Tear, cut_out_tears, orphans_in, tears_in
from archlab.search.storage.open_storage import driver_url, open_storage
from archlab.search.storage.redact import SafeAddress
from archlab.search.storage.trial_record import CLAIM, PLAN, RECORD, SETUP, is_evaluated, trial_of


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """A study as it is now, and what was mended in it, by the numbers of trials.

    Attributes:
        is_archlab: whether it has a plan of archlab's; others are described alone.
        trials: how many there are of each state.
        evaluated: evaluations that are done; ``wanted`` by the plan.
        running: trials with a network whose process lives.
        let_go: trials whose process had ended without a verdict; they are queued again.
        untold: trials that had ended without a verdict; they are queued again.
        taken_in: trials whose record was there and told to nobody.
        left: what could not be mended, in sentences.
    """

    name: str
    is_archlab: bool
    trials: dict[str, int]
    evaluated: int | None
    wanted: int | None
    running: tuple[int, ...]
    let_go: tuple[int, ...]
    untold: tuple[int, ...]
    taken_in: tuple[int, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StorageCheck:
    """A storage as it is now.

    Attributes:
        where: its address, without passwords.
        tears: what was torn in a journal; ``backup`` is the file as it was, None where nothing was cut out.
        left: what could not be mended in the file itself, in sentences.
    """

    where: str
    tears: tuple[Tear, ...]
    backup: str | None
    studies: tuple[StudyCheck, ...]
    left: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left that could not be mended."""
        return not self.left and not any(study.left for study in self.studies)


def check_storage(address: str) -> StorageCheck:
    """Read whatever studies are at ``address``, and mend those of archlab's.

    Torn records are cut out of a journal, trials whose process has ended are queued again, and records that were told
    to nobody are taken in. A trial that runs is left alone, and so is every study of others.

    Raises:
        InputError: there is no study, or it cannot be read or written.
    """
    safe = SafeAddress(address)
    with silence_optuna(), explain_storage_errors(safe):
        path = _refuse_nothing(address, safe)
        opened = open_storage(address)
        names = optuna.get_all_study_names(opened.storage)
        studies = [optuna.load_study(study_name=name, storage=opened.storage) for name in names]
        if not studies:
            raise InputError(f"{safe.where} holds no study", hint="begin one with `archlab search`")
        setups = [study.user_attrs[SETUP] for study in studies if isinstance(study.user_attrs.get(SETUP), dict)]
        tears, backup, left = _check_journal(path, any(PLAN in study.user_attrs for study in studies))
        opened = opened.with_heartbeat(max([setup.get("heartbeat", HEARTBEAT) for setup in setups], default=HEARTBEAT))
        checks = tuple(_check_study(study, opened.liveness) for study in studies)
        return StorageCheck(safe.where, tears, backup, checks, left)


def _refuse_nothing(address: str, safe: SafeAddress) -> Path | None:
    """Refuse an address with nothing behind it, before opening it makes something; return a journal's path.

    Raises:
        InputError: there is none.
    """
    nothing = InputError(f"there is no storage at {safe.where}", hint="name a journal file or a database URL")
    if "://" not in address:
        if not Path(address).exists():
            raise nothing
        with Path(address).open("rb") as file:
            if file.read(15) == b"SQLite format 3":
                raise InputError(f"{address} is no journal", hint=f"of SQLite it is: write sqlite:///{address}")
        return Path(address)
    with explain_opening_errors(safe):
        url = driver_url(make_url(address))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise nothing
    with explain_opening_errors(safe), contextlib.closing(create_engine(url).connect()) as connection:
        has_studies = inspect(connection).has_table("studies") and inspect(connection).has_table("trials")
    if not has_studies:
        raise InputError(f"{safe.where} holds no study", hint="its database has no tables of Optuna's")
    return None


def _check_journal(path: Path | None, is_archlab: bool) -> tuple[tuple[Tear, ...], str | None, tuple[str, ...]]:
    if path is None:
        return (), None, ()
    orphans = orphans_in(list(pieces_in(path)))
    left = [f"{orphans} records are of studies or trials whose creation is lost"] if orphans else []
    tears = tears_in(path)
    if tears and not is_archlab:
        return tears, None, (*left, "its torn records are left where they are: no study in it is archlab's")
    return tears, str(cut_out_tears(path)) if tears else None, tuple(left)


def _check_study(study: optuna.Study, liveness: Liveness) -> StudyCheck:
    attrs, before = study.user_attrs, study.get_trials(deepcopy=False)
    plan, setup = attrs.get(PLAN), attrs.get(SETUP)
    if not isinstance(plan, dict):
        ours = any(RECORD in trial.user_attrs for trial in before)
        left = ("its plan is lost: its `archlab search` again gives it back",) if ours else ()
        return StudyCheck(study.study_name, False, _states(before), None, None, (), (), (), (), left)
    setup = setup if isinstance(setup, dict) else {}
    told_nothing = set(ledger_of(before).untold)
    liveness.reap(study, setup.get("max_deaths", MAX_DEATHS))
    taken_in = _take_in(study, plan)
    after = study.get_trials(deepcopy=False)
    ledger = ledger_of(after)
    known = {number for numbers in taken_in.values() for number in numbers}
    was_running = {trial.number for trial in before if trial.state == TrialState.RUNNING}
    ended = {trial.number for trial in after if trial.state != TrialState.RUNNING}
    return StudyCheck(
        name=study.study_name,
        is_archlab=True,
        trials=_states(after),
        evaluated=sum(is_evaluated(trial) and trial.number not in ledger.retries for trial in after),
        wanted=setup.get("trials"),
        running=tuple(t.number for t in after if t.state == TrialState.RUNNING and CLAIM in t.system_attrs),
        let_go=tuple(sorted((was_running & ended) - known)),
        untold=tuple(sorted(told_nothing - known)),
        taken_in=tuple(sorted(taken_in)),
        left=tuple(
            f"trial {trial.number} has a record that cannot be read"
            for trial in after
            if RECORD in trial.user_attrs and trial_of(trial.number, trial.user_attrs[RECORD]) is None
        ),
    )


def _take_in(study: optuna.Study, plan: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    """Tell the trials in the queue that have their record; return them with those that they stand for."""
    storage = study._storage
    names = [str(objective).partition(" ")[2] for objective in plan.get("objectives", ())]
    taken: dict[int, tuple[int, ...]] = {}
    ledger = ledger_of(study.get_trials(deepcopy=False))
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        result = trial_of(trial.number, trial.user_attrs.get(RECORD))
        if result is None or trial.number in ledger.duplicates or not _pop(storage, trial):
            continue
        values = [result.values[name] for name in names] if set(names) <= set(result.values) else None
        state = TrialState.PRUNED if result.state in ("over_budget", "pruned") else TrialState.FAIL
        storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE if values else state, values)
        taken[trial.number] = tuple(trial.system_attrs.get("retry_history", ()))
    return taken


def _pop(storage: BaseStorage, trial: FrozenTrial) -> bool:
    """Take a trial out of the queue; return whether nobody else did."""
    try:
        return storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    except optuna.exceptions.UpdateFinishedTrialError:
        return False


def _states(trials: list[FrozenTrial]) -> dict[str, int]:
    counted = Counter(trial.state.name.lower() for trial in trials)
    return {state.name.lower(): counted[state.name.lower()] for state in TrialState if counted[state.name.lower()]}
