"""Which candidates a pruner stops, in a stage of a search."""

from __future__ import annotations

import pytest

from tests.search.stages.staged import CURVE, run


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
