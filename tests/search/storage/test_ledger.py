"""Which trials count as evaluations, by hand."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState

from archlab.search.storage.claim import claim
from archlab.search.storage.ledger import ledger_of
from archlab.search.storage.put_back import judge_again, put_back, queue_retry
from archlab.search.storage.trial_record import CLAIM, RECORD, SOURCE


@pytest.fixture
def study():
    return optuna.create_study()


def ledger(study):
    return ledger_of(study.get_trials(deepcopy=False))


def begun(study, digest):
    trial = study.ask()
    study._storage.set_trial_system_attr(trial._trial_id, CLAIM, digest)
    return trial


def judged(study, digest, state="scored"):
    trial = begun(study, digest)
    trial.set_user_attr(RECORD, {"state": state})
    study.tell(trial, *([1.0] if state == "scored" else []), state=None if state == "scored" else TrialState.FAIL)
    return trial


def test_a_retry_keeps_the_slot_of_the_trial_that_it_stands_for(study):
    dead = begun(study, "a")
    later = begun(study, "b")
    assert [ledger(study).count_begun(trial.number) for trial in (dead, later)] == [0, 1]
    put_back(study, dead)
    retry = study.get_trials(states=[TrialState.WAITING])[0]
    assert ledger(study).retries == {dead.number: retry.number}
    assert [ledger(study).count_begun(number) for number in (later.number, retry.number)] == [1, 0]
    assert ledger(study).count_begun() == 1, "the retry is in the queue, to be taken"


def test_of_two_retries_of_one_trial_the_first_counts(study):
    dead = begun(study, "a")
    study.tell(dead, state=TrialState.FAIL)
    kept = study.get_trials()[0]
    assert ledger(study).count_begun() == 1, "it was begun, and will be queued again"
    queue_retry(study, kept)
    queue_retry(study, kept)
    assert (ledger(study).retries, ledger(study).duplicates) == ({0: 1}, {2})
    first = study.ask()
    assert claim(study, first, "a") is None, "the other retry of the same trial does not count"
    study.ask()
    assert (ledger(study).count_begun(first.number), ledger(study).count_begun()) == (0, 1)


def test_what_is_judged_again_costs_one_evaluation(study):
    judged(study, "a", "failed")
    judged(study, "b")
    assert ledger(study).count_begun() == 2
    judge_again(study)
    assert ledger(study).count_begun() == 1
    retry = study.ask()
    assert claim(study, retry, "a") is None
    assert ledger(study).count_begun() == 2


def test_of_two_that_open_a_stage_at_once_each_candidate_is_judged_once(study):
    for source in (4, 7, 4, 7):
        study.enqueue_trial({"x": source}, user_attrs={SOURCE: source})
    assert ledger(study).duplicates == {2, 3}
    assert ledger(study).count_begun(3) == 2


def test_what_was_read_before_is_read_on(study):
    known = ledger(study)
    dead, other = begun(study, "a"), judged(study, "b")
    known.read(study.get_trials(deepcopy=False))
    assert (known.count_begun(), known.count_begun(other.number)) == (2, 1)
    study.tell(dead, state=TrialState.FAIL)
    known.read(study.get_trials(deepcopy=False))
    assert list(known.untold) == [dead.number]
    queue_retry(study, study.get_trials()[0])
    known.read(study.get_trials(deepcopy=False))
    assert (known.untold, known.count_begun()) == ({}, 1)
