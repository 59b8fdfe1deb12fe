from __future__ import annotations

import optuna
import pytest

from archlab.search.stages.equip import QueueSampler, make_pruner
from archlab.search.storage.record import RECORD


@pytest.fixture
def study():
    made = optuna.create_study(direction="maximize", pruner=make_pruner("halving"))
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


def test_pruners_of_two_workers_and_of_a_resumed_study_know_the_same(study):
    assert not reported(study, 5.0)[1]
    other = optuna.load_study(study_name=study.study_name, storage=study._storage, pruner=make_pruner("halving"))
    assert reported(other, 4.0)[1]
    assert not reported(other, 6.0)[1]


def test_a_queue_draws_nothing_of_its_own():
    study = optuna.create_study(sampler=QueueSampler())
    study.enqueue_trial({"x": 3})
    assert study.ask().suggest_int("x", 0, 9) == 3
    with pytest.raises(Exception, match="every candidate of this stage was evaluated"):
        study.ask().suggest_int("x", 0, 9)
