"""What a search evaluates, what it names, and how it ends."""

from __future__ import annotations

import dataclasses
import json

import pytest

import archlab
from archlab.errors import BudgetError
from archlab.search.request import make_plan
from archlab.search.run import run_search
from archlab.search.study import loop
from tests.search.conftest import TINY
from tests.search.small_search import run
from tests.waiting import Clock


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


def test_what_a_search_starts_with_comes_next_and_once(tmp_path):
    first = run(tmp_path, trials=3)
    starts = tuple(trial.draws for trial in reversed(first.trials[1:3]))
    plan = make_plan(archlab.parse(TINY), objective="params", trials=5, latency=False, out=tmp_path / "again")
    plan = dataclasses.replace(plan, stages=(dataclasses.replace(plan.stages[0], starts=starts),))
    for _ in range(2):
        result = run_search(plan)
        assert result.trials[0].cost["params"] == result.smallest["params"]
        assert tuple(trial.draws for trial in result.trials[1:3]) == starts
        assert len({trial.digest for trial in result.trials if trial.state == "scored"}) == 5


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
