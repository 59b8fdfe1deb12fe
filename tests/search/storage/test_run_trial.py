from __future__ import annotations

import errno

import optuna
import pytest
from optuna.trial import TrialState

from archlab.search.storage.run_trial import run_one_trial


def test_a_trial_that_was_given_to_another_meanwhile_is_reported_and_its_end_is_left_alone():
    study = optuna.create_study()

    def judge(trial):
        study.tell(trial.number, state=TrialState.FAIL)  # as a worker does that thinks this one dead
        return [1.0]

    assert not run_one_trial(study, judge, catch=())
    assert run_one_trial(study, lambda _: [2.0], catch=())
    assert [(trial.state.name, trial.values) for trial in study.trials] == [("FAIL", None), ("COMPLETE", [2.0])]


def test_an_error_of_the_objective_passes_through():
    study = optuna.create_study()

    def judge(_):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run_one_trial(study, lambda trial: judge(trial), catch=())


class DropError(Exception):
    pass


def test_what_leaves_the_objective_is_no_verdict_and_the_trial_is_queued_again_with_what_is_known():
    study = optuna.create_study()
    study.enqueue_trial({"x": 3, "y": 1}, user_attrs={"from": "here"})

    def interrupted(trial):
        trial.suggest_int("x", 0, 9)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_one_trial(study, interrupted, (), kept=lambda: {"archlab:trial": {"state": "scored"}})
    assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"]
    again = study.ask()
    assert (again.suggest_int("x", 0, 9), again.suggest_int("y", 0, 9)) == (3, 1)
    assert again.user_attrs == {"from": "here", "archlab:trial": {"state": "scored"}}


def test_a_disk_that_stays_full_leaves_the_trial_running_for_whoever_looks_next(monkeypatch):
    study = optuna.create_study()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(study._storage, "set_trial_state_values", full)
    with pytest.raises(OSError, match="No space left"):
        run_one_trial(study, lambda _: [1.0], ())
    assert [trial.state.name for trial in study.trials] == ["RUNNING"]


def test_a_trial_that_is_one_too_many_is_not_queued_again():
    study = optuna.create_study()
    study.enqueue_trial({"x": 3})

    def drop(_):
        raise DropError

    with pytest.raises(DropError):
        run_one_trial(study, drop, (), (DropError,))
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]
