"""Finished trials that share what is alike: their content stays, and parts are the same objects."""

from __future__ import annotations

import copy

import optuna
import pytest

from archlab.search.storage.journal import JournalFile
from archlab.search.storage.shared_parts import SharedParts
from archlab.search.storage.trial_record import CLAIM, RECORD


@pytest.fixture(params=["journal", "sqlite"])
def finished(request, tmp_path):
    """Three trials as a storage reads them: alike, and one of other holes."""
    journal = request.param == "journal"
    path = tmp_path / "study"
    storage = optuna.storages.JournalStorage(JournalFile(path)) if journal else f"sqlite:///{path}"
    study = optuna.create_study(storage=storage)
    for hole, digest in (("stem.c", "ab" * 32), ("stem.c", "cd" * 32), ("head.c", "ef" * 32)):
        trial = study.ask()
        drawn = trial.suggest_int(hole, 300, 900)
        study._storage.set_trial_system_attr(trial._trial_id, CLAIM, digest)
        record = {"state": "scored", "draws": {hole: drawn}, "cost": {"params": 1234}, "digest": digest}
        trial.set_user_attr(RECORD, record)
        study.tell(trial, 1.0)
    return study.get_trials()


def content(trial):
    return copy.deepcopy(vars(trial))


def test_the_content_and_the_order_of_names_stay(finished):
    parts = SharedParts()
    for trial in finished:
        before, words = content(trial), repr(trial)
        parts.share(trial)
        assert (content(trial), repr(trial)) == (before, words)


def test_what_is_alike_is_one_object(finished):
    parts = SharedParts()
    for trial in finished:
        parts.share(trial)
    one, other, odd = finished
    assert one.distributions is other.distributions
    assert one.distributions is not odd.distributions
    record, theirs = one.user_attrs[RECORD], other.user_attrs[RECORD]
    assert record["draws"] is one.params
    assert record["digest"] is one.system_attrs[CLAIM]
    assert all(name is again for name, again in zip(record, theirs, strict=True))
    assert next(iter(one.params)) is next(iter(other.params))


def test_another_range_of_one_hole_keeps_its_own_distribution(finished):
    parts = SharedParts()
    one, other, _ = finished
    wider = optuna.distributions.IntDistribution(300, 1000)
    other.distributions = {"stem.c": wider}
    parts.share(one)
    parts.share(other)
    assert other.distributions == {"stem.c": wider}
    assert one.distributions == {"stem.c": optuna.distributions.IntDistribution(300, 900)}


@pytest.mark.parametrize("equal", [1.0, True])
def test_equal_values_that_are_written_otherwise_stay(equal):
    trial = optuna.trial.create_trial(
        params={"n": 1},
        distributions={"n": optuna.distributions.IntDistribution(1, 2)},
        user_attrs={RECORD: {"state": "scored", "draws": {"n": equal}}},
        value=0.0,
    )
    SharedParts().share(trial)
    assert repr(trial.user_attrs[RECORD]["draws"]) == repr({"n": equal})


@pytest.mark.parametrize("record", [None, [], {"state": "failed", "digest": None}, {"digest": "ab"}])
def test_whatever_a_study_of_others_has_there_is_left(record):
    trial = optuna.trial.create_trial(user_attrs={RECORD: record}, value=0.0)
    SharedParts().share(trial)
    assert trial.user_attrs == {RECORD: record}
