from __future__ import annotations

import dataclasses
import json

import optuna
import pytest

import archlab
from archlab.errors import BudgetError, InputError
from archlab.search.result import read_result
from archlab.search.study import loop
from tests.search.conftest import TINY
from tests.waiting import Clock


def run(tmp_path, objective="params", space=None, **options):
    options = {"trials": 8, "latency": False, "out": tmp_path / "out", **options}
    return archlab.search(space or archlab.parse(TINY), objective=objective, **options)


def by_state(result):
    return {state: [t for t in result.trials if t.state == state] for state in result.counts()}


def test_every_evaluated_network_is_new_and_within_budget_and_all_draws_are_accounted_for(
    tmp_path, objective_file, calls
):
    objective = objective_file("return math.log(candidate.cost['params'])")
    result = run(tmp_path, objective, budget=["macs=40k"], sampler="tpe")
    states = by_state(result)
    assert len(states["scored"]) == 8
    assert calls() == [t.digest for t in states["scored"]], "what was called is what was scored, in that order"
    assert len(set(calls())) == 8, "nothing is scored twice"
    assert all(t.cost["macs"] <= 40_000 for t in states["scored"])
    assert all(t.cost["macs"] > 40_000 and t.digest is None for t in states["over_budget"])
    assert sum(map(len, states.values())) == len(result.trials)
    assert states["over_budget"], "a budget that a third of the space meets is missed now and then"
    for trial in states["repeated"]:
        original = next(t for t in result.trials if t.number == trial.repeat_of)
        assert (trial.digest, trial.values) == (original.digest, original.values)


def test_the_smallest_network_comes_first(tmp_path):
    result = run(tmp_path, budget=["params=1k"])
    assert result.trials[0].cost["params"] == result.smallest["params"] == 298


def test_the_best_are_finalists_counted_again_by_fvcore_and_written_as_text(tmp_path):
    result = run(tmp_path, "max:params", trials=12, top=3)
    best = sorted((t.values["params"] for t in result.trials if t.state == "scored"), reverse=True)
    assert [f.values["params"] for f in result.finalists] == best[:3]
    for finalist in result.finalists:
        assert finalist.recount is not None
        assert finalist.recount.equal
        assert finalist.recount.macs == finalist.cost["macs"]
        text = (tmp_path / "out" / finalist.file).read_text(encoding="utf-8")
        assert text == finalist.text
        network = archlab.elaborate(archlab.parse(text))
        assert network.digest == result.trials[finalist.trial].digest


def test_several_objectives_end_in_a_pareto_front(tmp_path):
    result = run(tmp_path, ["max:params", "macs"], trials=15, top=20)
    values = [(-t.values["params"], t.values["macs"]) for t in result.trials if t.state == "scored"]
    front = {v for v in values if not any(o != v and o[0] <= v[0] and o[1] <= v[1] for o in values)}
    assert {(-f.values["params"], f.values["macs"]) for f in result.finalists} == front


def test_the_same_seed_gives_the_same_search(tmp_path):
    def trials(folder, seed):
        result = run(tmp_path, "synflow", out=tmp_path / folder, trials=6, seed=seed)
        return [dataclasses.replace(t, seconds=0) for t in result.trials]

    assert trials("a", 0) == trials("b", 0)
    assert trials("a2", 1) != trials("b2", 0)


def test_a_failure_is_recorded_with_its_reason_and_the_search_goes_on(tmp_path, objective_file):
    body = """\
    if candidate.graph["stem.conv2d"].attrs["out_channels"] == 4:
        raise RuntimeError("four is\\ntoo few")
    if candidate.draws["body.depth"] == 2:
        return float("nan")
    return 1.0
    """
    result = run(tmp_path, objective_file(body), trials=12, keep_going=True)
    reasons = {t.reason for t in result.trials if t.state == "failed"}
    assert any("RuntimeError: four is too few (mine.py:" in r for r in reasons)
    assert any(r.endswith("is nan") for r in reasons)
    assert result.counts()["scored"] + result.counts()["failed"] == 12
    assert json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["schema"] == "archlab.search/1"


@pytest.mark.parametrize("returned", ["None", "'a'", "True"])
def test_an_objective_must_return_a_number(tmp_path, objective_file, returned):
    result = run(tmp_path, objective_file(f"return {returned}"), trials=2)
    assert {t.state for t in result.trials} <= {"failed", "repeated"}
    assert "not a number" in (result.trials[0].reason or "")


def test_an_objective_trains_the_module_reports_and_is_pruned(tmp_path, objective_file):
    body = """\
    import torch
    loss = module(torch.zeros(2, 3, 16, 16)).square().mean()
    loss.backward()
    loss = float(loss.detach())
    trial.report(loss, 0)
    if candidate.draws["body.depth"] > 1:
        raise optuna.TrialPruned()
    return -loss
    """
    result = run(tmp_path, objective_file(body), trials=8)
    states = by_state(result)
    assert states["pruned"]
    assert {t.draws["body.depth"] for t in states["pruned"]} <= {2, 3}
    assert {t.draws["body.depth"] for t in states["scored"]} == {1}


def test_a_budget_that_nothing_meets_is_refused_before_anything_is_evaluated(tmp_path, objective_file, calls):
    with pytest.raises(BudgetError, match=r"params ≤ 100: the smallest found has 298"):
        run(tmp_path, objective_file("return 1.0"), budget=["params=100"])
    assert calls() == []


def test_a_space_that_runs_out_ends_with_what_there_is(tmp_path):
    space = archlab.parse("net few(input=3x8x8)\nstem: conv({4, 8})\nhead: gap -> fc(2)")
    result = run(tmp_path, space=space, trials=50)
    assert result.counts()["scored"] == 2
    assert result.interrupted == "no new network within the budget was found"


def test_the_time_limit_ends_the_search(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)

    def slow(module, candidate, trial):
        clock.sleep(0.2)
        return 1.0

    result = run(tmp_path, slow, trials=30, timeout=0.5)
    assert result.counts()["scored"] == 3, "begun at 0, 0.2 and 0.4 s"
    assert result.interrupted == "the time limit was reached"


def test_latency_is_measured_where_it_is_a_budget_and_what_is_too_slow_is_never_scored(tmp_path, objective_file, calls):
    space = archlab.parse("net few(input=3x8x8)\nstem: conv({4, 8})\nhead: gap -> fc(2)")
    objective = objective_file("return 1.0")
    slow = run(tmp_path, objective, space=space, budget=["latency=0.001us"], trials=5)
    assert {t.state for t in slow.trials} <= {"over_budget", "repeated"}
    assert all(t.reason == "latency is above 1e-06 ms" for t in slow.trials if t.state == "over_budget")
    assert calls() == []
    idle = run(tmp_path, objective, space=space, budget=["latency>=1000s"], trials=5, out=tmp_path / "idle")
    assert {t.reason for t in idle.trials if t.state == "over_budget"} == {"latency is below 16 min 40 s"}
    assert calls() == []
    quick = run(tmp_path, objective, space=space, budget=["latency=10s"], trials=2, out=tmp_path / "quick")
    assert all(0 < t.cost["latency"] < 10 for t in quick.trials if t.state == "scored")
    assert len(calls()) == 2


def test_latency_can_be_what_is_minimised(tmp_path):
    result = run(tmp_path, "latency", trials=3)
    best = result.finalists[0]
    assert (
        best.values["latency"]
        == best.cost["latency"]
        == min(t.values["latency"] for t in result.trials if t.state == "scored")
    )


# --- resuming ---------------------------------------------------------------------------------------------------


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


# --- results ----------------------------------------------------------------------------------------------------


def test_a_result_reads_back_equal(tmp_path):
    result = run(tmp_path, trials=13)
    assert read_result(tmp_path / "out" / "result.json") == result
    assert {change.hole for change in result.neighbours[0].changes} >= {"stem.conv.c", "body.depth"}


def test_a_result_of_an_earlier_version_is_read_without_its_shares_of_variance(tmp_path):
    result = run(tmp_path, trials=5)
    path = tmp_path / "out" / "result.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for new in ("baselines", "neighbours", "shares"):
        del data[new]
    for finalist in data["finalists"]:
        del finalist["variants"]
    path.write_text(json.dumps({**data, "importance": {"params": {"body.depth": 9.0}}}), encoding="utf-8")
    read = read_result(path)
    assert read.trials == result.trials
    assert (read.baselines, read.neighbours, read.shares) == ((), (), {})


@pytest.mark.parametrize(
    "break_it",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace('"archlab.search/1"', '"archlab.search/0"'),
        lambda text: text.replace('"seed": 0', '"seed": "zero"'),
        lambda text: text.replace('"state": "scored"', '"state": "great"'),
        lambda text: text.replace('"trials"', '"trails"'),
        lambda text: "[" * 100_000,
        lambda text: "null",
    ],
)
def test_a_broken_result_file_is_refused_in_one_line_with_the_way_out(tmp_path, break_it):
    run(tmp_path, trials=2)
    path = tmp_path / "out" / "result.json"
    path.write_text(break_it(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_result(path)
    assert "\n" not in refused.value.message
    assert "resumes its study" in (refused.value.hint or "")
