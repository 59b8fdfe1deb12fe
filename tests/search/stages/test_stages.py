"""Stages from end to end, with real studies; the objective's calls say what was really evaluated."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys

import optuna
import pytest

import archlab
from archlab.errors import InputError
from archlab.search.result import read_result
from archlab.search.storage.open_storage import open_storage
from archlab.search.workers import join
from archlab.search.workers.join import work
from tests.search.conftest import TINY
from tests.waiting import Clock, finish, succeed, until

FAR_BELOW = "return -float(candidate.cost['params'])"


def run(tmp_path, then, objective="max:params", **options):
    options = {"trials": 12, "latency": False, "out": tmp_path / "out", **options}
    return archlab.search(archlab.parse(TINY), objective=objective, then=then, **options)


def best(result, name, count):
    """The numbers of the trials that are best by a first-stage objective to be maximised."""
    scored = [t for t in result.trials if name in t.values]
    return [t.number for t in sorted(scored, key=lambda t: (-t.values[name], t.number))[:count]]


def digests(result, numbers):
    return [next(t.digest for t in result.trials if t.number == n) for n in numbers]


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


# --- pruning ----------------------------------------------------------------------------------------------------

CURVE = """\
for step in range(1, 5):
    trial.report(candidate.cost['params'] * (1 if step < 4 else 10), step)
    if trial.should_prune():
        raise optuna.TrialPruned(f'at step {step}')
return float(candidate.cost['params'])
"""


def halved(values):
    """Which of a row of candidates Optuna's rule stops at step 1, with its reduction factor of 4.

    The first to be done sets the rungs. From then on one goes past step 1 while it is in the best quarter of those that
    came to it, or the best of fewer than eight.
    """
    stopped = []
    for i in range(1, len(values)):
        came = sorted(values[1 : i + 1], reverse=True)
        if values[i] < came[max(0, len(came) // 4 - 1)]:
            stopped.append(i)
    return stopped


@pytest.mark.parametrize(("objective", "count"), [("max:params", 14), ("params", 0), ("log_macs", None)])
def test_successive_halving_stops_exactly_those_that_its_rule_says(tmp_path, objective_file, objective, count):
    """Of a row of falling values nearly all, of one of rising values none."""
    result = run(tmp_path, objective_file(CURVE), objective=objective, keep="100%", trials=16)
    goal = result.objectives[-1]
    sign = -1 if goal.direction == "maximize" else 1
    order = sorted(result.trials, key=lambda t: (sign * t.values[goal.name], t.number))
    expected = [order[i].number for i in halved([t.cost["params"] for t in order])]
    stopped = [t.number for t in result.trials if t.reason == "pruned in stage 2: at step 1"]
    assert sorted(stopped) == sorted(expected)
    assert count in (None, len(expected))
    assert result.stages[1].pruned == len(expected)
    assert {f.trial for f in result.finalists}.isdisjoint(expected)


@pytest.mark.parametrize(("pruner", "pruned"), [("none", 0), ("median", 3), ("halving", 6)])
def test_the_pruner_is_the_users_choice(tmp_path, objective_file, pruner, pruned):
    """Eight candidates in falling order: the median rule starts after five, halving after one."""
    result = run(tmp_path, objective_file(CURVE), keep=8, pruner=pruner)
    assert result.stages[1].pruned == pruned


def test_what_was_reported_before_a_resumption_still_counts(tmp_path, objective_file):
    objective = objective_file(CURVE)
    run(tmp_path, objective, keep=2)
    result = run(tmp_path, objective, keep=8)
    assert (result.stages[1].candidates, result.stages[1].pruned) == (8, 6), "as if the eight had come at once"


# --- resuming ---------------------------------------------------------------------------------------------------


def test_a_later_stage_is_added_to_a_search_that_is_done(tmp_path, objective_file, calls):
    run(tmp_path, [])
    result = run(tmp_path, objective_file(FAR_BELOW), keep=2)
    assert len(calls()) == result.stages[1].scored == 2
    again = run(tmp_path, objective_file(FAR_BELOW), keep=2)
    assert len(calls()) == 2
    assert again.trials == result.trials
    assert dataclasses.replace(again, started="", seconds=0) == dataclasses.replace(result, started="", seconds=0)


def test_more_trials_let_only_new_candidates_in(tmp_path, objective_file, calls):
    objective = objective_file(FAR_BELOW)
    run(tmp_path, objective, trials=8, keep="50%")
    result = run(tmp_path, objective, trials=24, keep="50%")
    assert len(calls()) == len(set(calls())) == result.stages[1].candidates
    assert set(digests(result, best(result, "params", 12))) <= set(calls())


def test_the_time_limit_opens_no_stage(tmp_path, objective_file, calls):
    result = run(tmp_path, objective_file("return 1.0"), timeout=0.0)
    assert (len(result.stages), calls()) == (1, [])
    assert result.interrupted == "the time limit was reached"


def test_a_stage_of_other_stages_before_it_is_refused(tmp_path, objective_file):
    objective = objective_file("return 1.0")
    run(tmp_path, ["log_macs", objective], keep=[4, 2])
    with pytest.raises(InputError, match=r"'tiny/3-value' .* was made with after"):
        run(tmp_path, ["activations", objective], keep=[4, 2])


def test_an_objective_in_two_stages_is_refused(tmp_path):
    with pytest.raises(InputError, match="the objective params is given twice"):
        run(tmp_path, "params")


def start(folder, objective, *more):
    command = [sys.executable, "-m", "archlab", "search", "tiny.arch", "-o", "max:params", "-n", 12,
               "--then", objective, "--keep", 8, "--no-latency", "--out", "out", *more]  # fmt: skip
    return subprocess.Popen([*map(str, command)], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_search_that_ends_in_its_second_stage_goes_on_there(tmp_path, tiny_file, objective_file, calls, gate, end):
    objective = objective_file("gate.enter(candidate.number)\nreturn float(candidate.cost['macs'])")
    gate.close(at=3)
    process = start(tmp_path, objective)
    until(lambda: len(gate.begun()) == 3, process)
    process.send_signal(end)
    finish(process)
    assert len(calls()) == 3
    gate.open()
    succeed(start(tmp_path, objective))
    result = read_result(tmp_path / "out" / "result.json")
    assert set(calls()) == set(digests(result, best(result, "params", 8)))
    assert len(calls()) == 8 + 1, "only what was running is run again"
    assert (result.stages[0].candidates, result.stages[1].candidates, result.stages[1].scored) == (12, 8, 8)


# --- workers ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("storage", [None, "sqlite:///study.db"])
def test_two_workers_judge_each_candidate_once_and_a_third_joins(
    tmp_path, tiny_file, objective_file, calls, gate, storage
):
    objective = objective_file("gate.enter(os.getpid())\n" + CURVE)
    gate.close(at=1)
    process = start(tmp_path, objective, "--workers", 2, *(["--storage", storage] if storage else []))
    place = storage or "out/study.journal"
    file = tmp_path / place.removeprefix("sqlite:///")
    until(lambda: file.exists() and b"archlab:setup" in file.read_bytes(), process)
    command = [
        sys.executable,
        "-m",
        "archlab",
        "worker",
        "--study",
        "tiny",
        "--storage",
        place,
        "-o",
        objective,
        "--json",
    ]
    joined = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    until(lambda: len(gate.begun()) == 3, process)
    assert len(set(gate.begun())) == 3, "each is at one, and the third takes part"
    gate.open()
    succeed(process)
    out, _ = succeed(joined)
    assert json.loads(out) == {"spent": 12 + 8, "interrupted": None}
    result = read_result(tmp_path / "out" / "result.json")
    assert sorted(calls()) == sorted(digests(result, best(result, "params", 8)))
    second = result.stages[1]
    assert second.scored + second.pruned == 8
    assert second.pruned >= 1, "what one worker's candidates reported stops another's"


def test_a_worker_waits_for_the_next_stage_and_says_so(tmp_path, tiny_file, objective_file, monkeypatch, calls):
    """The first stage is done and the second not open, as while the search is between them."""
    objective = objective_file("return 1.0")
    run(tmp_path, objective, keep=2, timeout=None, trials=4)
    journal = tmp_path / "out" / "study.journal"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    second = next(i for i, line in enumerate(lines) if "tiny/2-value" in line and '"op_code":0' in line)
    journal.write_text("".join(lines[:second]), encoding="utf-8")
    notes = []
    monkeypatch.setattr(join, "time", Clock())
    done = work(str(journal), "tiny", objectives=[objective], timeout=1.0, note=notes.append)
    assert done.evaluated == 4
    assert notes == ["waiting for tiny/2-value, the next stage of tiny, which `archlab search` opens"]
    assert len(calls()) == 2


def test_a_worker_without_the_code_of_a_later_stage_is_refused_at_once(tmp_path, objective_file):
    objective = objective_file("return 1.0")
    run(tmp_path, objective, keep=2, trials=4)
    objective_file("return 2.0")
    with pytest.raises(InputError, match=r"mine\.py:value is not the code"):
        work(str(tmp_path / "out" / "study.journal"), "tiny", objectives=[objective])


def test_a_function_of_this_process_is_refused_to_workers_in_a_later_stage_too(tmp_path):
    with pytest.raises(InputError, match="a function of this process"):
        run(tmp_path, lambda *_: 1.0, workers=2)


def test_what_a_worker_leaves_that_came_too_late_for_the_queue_is_no_candidate(tmp_path, objective_file, calls):
    objective = objective_file("return float(candidate.cost['macs'])")
    before = run(tmp_path, objective, keep=3)
    storage = open_storage(str(tmp_path / "out" / "study.journal")).storage
    study = optuna.load_study(study_name="tiny/2-value", storage=storage)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    again = run(tmp_path, objective, keep=3)
    assert again.trials == before.trials
    assert again.stages == before.stages
    assert len(calls()) == 3


# --- details ----------------------------------------------------------------------------------------------------


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
