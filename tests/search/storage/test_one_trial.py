from __future__ import annotations

import optuna
from optuna.trial import TrialState

from archlab.search.storage.one_trial import fail_with_reason, write_constraints
from archlab.search.storage.trial_record import CLAIM, is_evaluated, record_in, trial_of


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
