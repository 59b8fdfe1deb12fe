"""Searches of several stages that are resumed, or ended early."""

from __future__ import annotations

import dataclasses
import signal

import pytest

from archlab.errors import InputError
from archlab.search.result import read_result
from tests.search.stages.staged import FAR_BELOW, best, digests, run, start
from tests.waiting import finish, succeed, until


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


def test_a_later_stage_may_judge_by_the_same_objective(tmp_path):
    result = run(tmp_path, "params", keep=2)
    assert [one.partition("@")[0] for stage in result.stages for one in stage.objectives] == ["params", "params"]
    assert result.stages[1].candidates == 2


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
