"""The data behind plots and tables, with exact expectations on results made by hand."""

from __future__ import annotations

import dataclasses

from archlab.report.objectives_and_costs import measures
from archlab.report.search_views import TrialRow, budget_lines, ends, history, pareto, placed, trial_rows
from archlab.search.result import Finalist, Objective
from tests.report.handmade import TRIALS, result


def test_the_front_holds_who_is_beaten_by_none():
    # 6 has the score of 2 at more MACs, 4 less at more: both are beaten.
    (view,) = pareto(result(), measures(result()))
    assert (view.x.name, view.y.name, view.front) == ("macs", "score", (0, 2))


def test_each_pair_of_objectives_is_a_view_and_the_front_follows_their_directions():
    trials = tuple(dataclasses.replace(t, values={**t.values, "size": 9.0 - t.number}) for t in TRIALS)
    both = result(trials=trials, objectives=(Objective("score", "maximize"), Objective("size", "minimize")))
    views = {(v.y.name, v.x.name): v.front for v in pareto(both, measures(both))}
    assert views == {("score", "size"): (6,), ("score", "macs"): (0, 2), ("size", "macs"): (0, 2, 4, 6)}


def test_history_has_every_trial_once():
    (view,) = history(result(), measures(result()))
    assert view.scored == ((0, 1.0), (2, 3.0), (4, 2.0), (6, 3.0))
    assert view.best == ((0, 1.0), (2, 3.0))
    assert view.unscored == {"over_budget": (1,), "repeated": (3,), "failed": (5,), "pruned": (7,)}


def test_best_so_far_of_what_is_minimised_falls():
    down = result(objectives=(Objective("score", "minimize"),))
    assert history(down, measures(down))[0].best == ((0, 1.0),)


def test_trials_come_best_first_then_in_running_order():
    finalist = Finalist(2, "n", "n.arch", "", {}, {})
    rows = trial_rows(result(finalists=(finalist,)), measures(result()))
    assert [row.number for row in rows] == [2, 6, 4, 0, 1, 3, 5, 7]
    assert rows[0] == TrialRow(2, "scored", (3.0, 200e6), 1, "", {"stage1.k": 3})
    assert [row.note for row in rows[4:]] == ["", "the same network as trial 0", "out of memory", ""]


def test_budgets_far_from_the_data_are_beyond_the_plot():
    by_hand = result(budgets={"macs": 400e6})
    (view,) = pareto(by_hand, measures(by_hand))
    points = placed(view, by_hand)
    assert points == {0: (100.0, 1.0), 2: (200.0, 3.0), 4: (250.0, 2.0), 6: (300.0, 3.0)}
    assert [(line.axis, line.at, line.beyond) for line in budget_lines(view, points.values())] == [("x", 400.0, 0)]
    far = result(budgets={"macs": 401e6})
    (view,) = pareto(far, measures(far))
    assert [line.beyond for line in budget_lines(view, placed(view, far).values())] == [1]
    assert budget_lines(view, []) == ()


def test_one_value_has_room_on_both_sides():
    assert ends([5.0]) == (4.75, 5.25)
