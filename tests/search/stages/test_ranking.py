from __future__ import annotations

from archlab.search.result import Objective, Trial
from archlab.search.stages.ranking import rank_trials

UP, DOWN = Objective("a", "maximize"), Objective("b", "minimize")


def trials(*points):
    names = "ab"
    return [Trial(i, "scored", {}, {}, dict(zip(names, point, strict=False))) for i, point in enumerate(points)]


def order(found):
    return [trial.number for trial in found]


def test_one_objective_ranks_by_value_and_ties_by_number():
    assert order(rank_trials(trials((1,), (3,), (2,), (3,)), [UP])) == [1, 3, 2, 0]
    assert order(rank_trials(trials((0, 4), (0, 1)), [DOWN])) == [1, 0]


def test_several_objectives_rank_by_front_and_then_by_room():
    # By hand: the front is 0 to 3, of which 0 and 3 are its ends; 1 has sides 2/9 + 5/9, 2 has 8/9 + 8/9. Behind it
    # comes 4, which 2 beats, and then 5, which 4 beats.
    points = trials((0, 0), (1, 1), (2, 5), (9, 9), (2, 6), (1, 7))
    assert order(rank_trials(points, [UP, DOWN])) == [0, 3, 2, 1, 4, 5]


def test_nothing_is_ranked_where_nothing_was_scored():
    assert rank_trials([], [UP, DOWN]) == []
