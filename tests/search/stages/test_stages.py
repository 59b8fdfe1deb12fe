"""Stages from end to end, with real studies; the objective's calls say what was really evaluated."""

from __future__ import annotations

import dataclasses

import optuna

from archlab.search.result import read_result
from tests.search.stages.staged import FAR_BELOW, best, digests, run


def test_the_best_share_is_judged_in_order_and_the_last_stage_ranks_the_finalists(tmp_path, objective_file, calls):
    objective = objective_file(FAR_BELOW)
    result = run(tmp_path, objective, keep="50%", top=2)
    chosen = best(result, "params", 6)
    assert calls() == digests(result, chosen), "the best first, and no other"
    assert [t.number for t in result.trials if t.reached == 2] == sorted(chosen)
    ranked = sorted(chosen, key=lambda n: result.trials[n].cost["params"])
    assert [f.trial for f in result.finalists] == ranked[:2], "turned over by the second stage"
    assert set(result.finalists[0].values) == {"params", objective}
    first, second = result.stages
    assert (first.name, first.candidates, first.scored, first.survivors) == ("tiny", 12, 12, 6)
    assert (second.name, second.candidates, second.scored, second.survivors) == ("tiny/2-value", 6, 6, 2)
    assert [o.name for o in result.objectives] == [objective, "params"], "the last stage's first"
    assert second.seconds > 0
    assert read_result(tmp_path / "out" / "result.json") == result


def test_three_stages_with_a_cost_a_score_and_a_function(tmp_path, objective_file, calls):
    objective = objective_file("return 1.0 if candidate.draws['body.depth'] == 1 else 0.0")
    result = run(tmp_path, ["log_macs", objective], keep=["75%", 3])
    assert [stage.candidates for stage in result.stages] == [12, 9, 3]
    assert [stage.name for stage in result.stages] == ["tiny", "tiny/2-log_macs", "tiny/3-value"]
    assert calls() == digests(result, best(result, "log_macs", 3))
    assert all(set(f.values) == {"params", "log_macs", objective} for f in result.finalists)


def test_of_several_objectives_the_front_goes_on_first(tmp_path, objective_file, calls):
    result = run(tmp_path, objective_file("return 1.0"), objective=["max:params", "macs"], keep=3, trials=20)
    points = {t.digest: (t.values["params"], -t.values["macs"]) for t in result.trials}
    front = {d for d, p in points.items() if not any(o != p and o[0] >= p[0] and o[1] >= p[1] for o in points.values())}
    assert len(front) >= 3
    assert set(calls()) <= front
    assert max(points, key=lambda d: points[d][0]) in calls(), "an end of the front"


def test_the_same_seed_gives_the_same_stages(tmp_path, objective_file):
    def trials(folder):
        result = run(tmp_path, objective_file("return candidate.cost['macs'] % 97"), out=tmp_path / folder)
        return [dataclasses.replace(t, seconds=0) for t in result.trials], [f.trial for f in result.finalists]

    assert trials("a") == trials("b")


def test_failures_are_recorded_and_do_not_go_on(tmp_path, objective_file):
    objective = objective_file("assert candidate.number % 2, 'even'\nreturn 1.0")
    result = run(tmp_path, objective, keep="50%")
    second = result.stages[1]
    assert (second.scored, second.failed) == (3, 3)
    failed = [t for t in result.trials if t.reason]
    assert len(failed) == 3
    assert all(t.state == "scored" and "failed in stage 2: " in t.reason and "even (mine.py:" in t.reason
               for t in failed)  # fmt: skip
    assert {f.trial for f in result.finalists}.isdisjoint({t.number for t in failed})


def test_without_anything_scored_the_stage_before_ranks(tmp_path, objective_file):
    result = run(tmp_path, objective_file("raise RuntimeError('no')"), keep=2, top=3)
    assert [f.trial for f in result.finalists] == best(result, "params", 3)
    assert result.stages[1].failed == 2


def test_what_an_objective_says_besides_is_kept_with_the_trial(tmp_path, objective_file):
    body = """\
    import torch
    candidate.details.update(AP={"person": 0.4, "car": float("nan")}, steps=[1, torch.tensor(2)])
    if candidate.number == 1:
        raise optuna.TrialPruned()
    return float(candidate.cost["macs"])
    """
    objective = objective_file(body)
    result = run(tmp_path, objective, keep=3)
    said = {objective: {"AP": {"person": 0.4, "car": None}, "steps": [1, 2]}}
    assert [t.details for t in result.trials if t.reached == 2] == [said] * 3, "of a pruned one as well"
    assert result.stages[1].pruned == 1
    assert all(f.details == said for f in result.finalists)
    assert run(tmp_path, objective, keep=3).trials == result.trials, "it is kept in the study"


def test_a_study_of_a_stage_is_one_of_optunas(tmp_path):
    run(tmp_path, "log_macs", keep=3)
    journal = optuna.storages.journal.JournalFileBackend(str(tmp_path / "out" / "study.journal"))
    study = optuna.load_study(study_name="tiny/2-log_macs", storage=optuna.storages.JournalStorage(journal))
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3
