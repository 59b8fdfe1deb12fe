from __future__ import annotations

import optuna

from archlab.search.storage.liveness import FileLocks


def test_a_trial_whose_lock_is_free_is_queued_again_once(tmp_path):
    study = optuna.create_study()
    trial = study.ask()
    trial.suggest_int("x", 0, 9)
    here = FileLocks(tmp_path / "locks")
    here.begin(trial)
    here.reap(study)
    assert study.trials[0].state == optuna.trial.TrialState.RUNNING, "this process is at it"
    here.end()
    here.reap(study)
    here.reap(study)
    assert [t.state.name for t in study.trials] == ["FAIL", "WAITING"]
    assert study.trials[1].params == trial.params
