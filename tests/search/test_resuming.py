"""The same search again goes on where it ended; what is no study of it is refused and left alone."""

from __future__ import annotations

import optuna
import pytest

import archlab
from archlab.errors import InputError
from tests.search.conftest import TINY
from tests.search.small_search import run


def test_the_same_search_again_goes_on_where_it_ended(tmp_path, objective_file, calls):
    objective = objective_file("return float(candidate.cost['params'])")
    first = run(tmp_path, objective, trials=4)
    second = run(tmp_path, objective, trials=9)
    assert second.trials[: len(first.trials)] == first.trials
    assert second.counts()["scored"] == 9
    assert len(calls()) == len(set(calls())) == 9, "nothing that was scored is scored again"
    third = run(tmp_path, objective, trials=9)
    assert third.trials == second.trials
    assert len(calls()) == 9


def test_ctrl_c_while_a_result_is_written_is_no_error_of_optunas(tmp_path, monkeypatch, objective_file, calls):
    objective = objective_file("return float(candidate.cost['params'])")
    tell, told = optuna.storages.JournalStorage.set_trial_state_values, []

    def interrupted_once(self, trial_id, state, values=None):
        told.append(state.is_finished())
        if sum(told) == 3 and state.is_finished():
            raise KeyboardInterrupt
        return tell(self, trial_id, state, values)

    monkeypatch.setattr(optuna.storages.JournalStorage, "set_trial_state_values", interrupted_once)
    first = run(tmp_path, objective, trials=6)
    assert (first.interrupted, first.counts()["scored"]) == ("interrupted by the user", 2)
    second = run(tmp_path, objective, trials=6)
    assert second.counts()["scored"] == len(calls()) == len(set(calls())) == 6, "what was judged is told, not run again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "was made with seed 0, not 1"),
        ({"budget": ["macs=90k"]}, "was made with budget"),
        ({"objective": "macs"}, "was made with objectives"),
        ({"space": archlab.parse(TINY.replace("{4, 8}", "{4, 12}"))}, "was made with space"),
    ],
)
def test_a_study_of_another_search_is_refused_and_left_alone(tmp_path, change, message):
    run(tmp_path, trials=2)
    before = (tmp_path / "out" / "study.journal").read_bytes()
    with pytest.raises(InputError, match=message):
        run(tmp_path, **{"trials": 2, **change})
    assert (tmp_path / "out" / "study.journal").read_bytes() == before


def test_a_study_whose_lower_limit_is_left_out_is_refused(tmp_path):
    run(tmp_path, trials=2, budget=["macs>=1k"])
    with pytest.raises(InputError, match="was made with at least"):
        run(tmp_path, trials=2, budget=[])


def test_a_study_of_another_version_is_refused(tmp_path, monkeypatch):
    run(tmp_path, trials=2)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    with pytest.raises(InputError, match=r"was made with archlab '.*', not '9.9'"):
        run(tmp_path, trials=2)


def test_a_journal_that_ends_in_the_middle_of_a_record_is_resumed(tmp_path):
    first = run(tmp_path, trials=4)
    journal = tmp_path / "out" / "study.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-20])
    second = run(tmp_path, trials=4)
    assert second.counts()["scored"] == 4
    kept = {t.number: t for t in second.trials}
    assert all(kept[t.number] == t for t in first.trials[:-1])


@pytest.mark.parametrize("content", [b"not a journal\n", b"\x00\xff\n" * 9, b'{"op_code": 77}\n', b"[]\n"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path, content):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "study.journal").write_bytes(content)
    with pytest.raises(InputError, match=r"is not a study that can be read: .*") as refused:
        run(tmp_path, trials=2)
    assert "choose another --out" in (refused.value.hint or "")
    assert (folder / "study.journal").read_bytes() == content


def test_sqlite_serves_as_well(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    first = run(tmp_path, storage=storage, trials=3)
    second = run(tmp_path, storage=storage, trials=5)
    assert second.trials[: len(first.trials)] == first.trials
    assert second.counts()["scored"] == 5


def test_a_database_that_is_none_is_refused(tmp_path):
    (tmp_path / "study.db").write_bytes(b"this is not a database at all, it is text" * 40)
    with pytest.raises(InputError, match=r"is not a study that can be read: .*not a database"):
        run(tmp_path, storage=f"sqlite:///{tmp_path}/study.db", trials=2)


def test_optuna_sees_budgets_as_constraints(tmp_path):
    run(tmp_path, trials=4, budget=["macs=40k"])
    journal = optuna.storages.journal.JournalFileBackend(str(tmp_path / "out" / "study.journal"))
    study = optuna.load_study(study_name="tiny", storage=optuna.storages.JournalStorage(journal))
    for trial in study.trials:
        if trial.state.is_finished():
            over = trial.user_attrs["archlab:trial"]["state"] == "over_budget"
            assert (trial.constraints["macs"] > 0) == over
