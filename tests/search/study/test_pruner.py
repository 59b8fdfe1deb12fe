from __future__ import annotations

import optuna
import pytest

from archlab.search.storage.trial_record import RECORD
from archlab.search.study.pruner import make_pruner


@pytest.fixture
def storage():
    return optuna.storages.InMemoryStorage()


@pytest.fixture
def study(storage):
    made = optuna.create_study(storage=storage, direction="maximize", pruner=make_pruner("halving"))
    first = made.ask()
    first.report(0.0, 1)
    made.tell(first, 0.0)  # the first to be done sets the rungs
    return made


def reported(study, value):
    trial = study.ask()
    trial.report(value, 1)
    return trial, trial.should_prune()


@pytest.mark.parametrize(("record", "prunes"), [(None, False), ({"state": "failed"}, True)])
def test_a_trial_that_died_competes_with_nobody_and_one_that_failed_does(study, record, prunes):
    trial, stopped = reported(study, 5.0)
    assert not stopped
    if record:
        trial.set_user_attr(RECORD, record)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert reported(study, 4.0)[1] == prunes


def test_pruners_of_two_workers_and_of_a_resumed_study_know_the_same(study, storage):
    assert not reported(study, 5.0)[1]
    other = optuna.load_study(study_name=study.study_name, storage=storage, pruner=make_pruner("halving"))
    assert reported(other, 4.0)[1]
    assert not reported(other, 6.0)[1]
