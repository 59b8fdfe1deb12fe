from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState

from archlab.search.storage.one_trial import fail_with_reason, queue_again, run_one_trial, write_constraints
from archlab.search.storage.trial_record import CLAIM, is_evaluated, record_in, trial_of


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


def test_a_trial_is_queued_again_with_what_it_was_given():
    study = optuna.create_study()
    study.enqueue_trial({"x": 3, "y": 1}, user_attrs={"from": "here"})
    trial = study.ask()
    trial.suggest_int("x", 0, 9)
    queue_again(study, trial)
    queue_again(study, study.ask({}))
    again = study.ask()
    assert (again.suggest_int("x", 0, 9), again.suggest_int("y", 0, 9), again.user_attrs) == (3, 1, {"from": "here"})
    assert [trial.state.name for trial in study.trials].count("WAITING") == 0


def test_constraints_are_written_as_optuna_and_as_its_dashboard_read_them():
    study = optuna.create_study()
    trial = study.ask()
    write_constraints(study, trial, {"macs": -2.0, "params": 0.5})
    (kept,) = study.get_trials(deepcopy=False)
    assert {name: kept.constraints[name] for name in ("macs", "params")} == {"macs": -2.0, "params": 0.5}
    assert kept.system_attrs["constraints"] == [-2.0, 0.5]


def test_a_trial_whose_process_cannot_do_so_itself_is_failed_once_with_a_reason():
    study = optuna.create_study()
    trial = study.ask()
    trial.suggest_int("x", 3, 3)
    study._storage.set_trial_system_attr(trial._trial_id, CLAIM, "d1")
    assert fail_with_reason(study, trial, "it took longer than 5 s")
    assert not fail_with_reason(study, trial, "again")
    (kept,) = study.get_trials(deepcopy=False)
    assert (kept.state, is_evaluated(kept)) == (TrialState.FAIL, True)
    result = trial_of(kept.number, record_in(kept))
    assert (result.state, result.draws, result.digest, result.reason) == (
        "failed", {"x": 3}, "d1", "it took longer than 5 s",
    )  # fmt: skip
