"""Finalists: the best, of equals the cheapest, in rows of what the objective cannot tell apart, and different."""

from __future__ import annotations

import itertools
import random

import pytest

from archlab.search.finalist_choice import NEAR, Chosen, choose, choose_last, distance
from archlab.search.result import Objective, Trial

UP, DOWN = Objective("score", "maximize"), Objective("loss", "minimize")


def trial(number: int, score: float, macs: float = 1.0, params: float = 1.0, **draws: int | str) -> Trial:
    return Trial(number, "scored", draws or {"hole": f"v{number}"}, {"macs": macs, "params": params}, {"score": score})


def numbers(chosen: list[Chosen]) -> list[int]:
    return [row.trial.number for row in chosen]


def test_of_equal_objective_the_cheaper_is_first_by_the_budgets_in_order():
    trials = [trial(0, 2.0, macs=9, params=1), trial(1, 2.0, macs=5, params=9), trial(2, 3.0, macs=99, params=99)]
    assert numbers(choose(trials, [UP], 3, ["macs"])) == [2, 1, 0]
    assert numbers(choose(trials, [UP], 3, ["params"])) == [2, 0, 1]


def test_what_is_equal_in_all_is_in_order_of_trials_and_the_unscored_are_left_out():
    failed = Trial(7, "failed", {}, {"macs": 0.0}, {"score": 9.0})
    assert numbers(choose([trial(3, 1.0), trial(1, 1.0), trial(2, 1.0), failed], [UP], 9)) == [1, 2, 3]


@pytest.mark.parametrize("seed", range(5))
def test_no_finalist_stands_above_one_that_beats_it_in_every_respect(seed):
    rng = random.Random(seed)
    trials = [trial(i, rng.randint(0, 3), rng.randint(0, 3), rng.randint(0, 3)) for i in range(40)]

    def respects(one: Trial) -> tuple[float, ...]:
        return one.values["score"], -one.cost["macs"], -one.cost["params"]

    chosen = [row.trial for row in choose(trials, [UP], 10, ["params"])]
    assert len(chosen) == 10
    for above, below in itertools.combinations(chosen, 2):
        beaten = all(b >= a for a, b in zip(respects(above), respects(below), strict=True))
        assert not beaten or respects(above) == respects(below)


def test_networks_that_differ_in_what_is_unseen_are_one_row_under_the_cheapest():
    # k is not seen; trial 4 has the same value by chance.
    trials = [
        trial(0, 5.0, macs=30, k=7, c=8),
        trial(1, 5.0, macs=10, k=3, c=8),
        trial(2, 5.0, macs=20, k=5, c=8),
        trial(3, 4.0, macs=10, k=3, c=4),
        trial(4, 5.0, macs=40, k=3, c=9),
    ]

    def unseen(one: Trial, other: Trial) -> bool:
        return one.draws["c"] == other.draws["c"]

    chosen = choose(trials, [UP], 3, ["macs"], unseen)
    assert [(row.trial.number, row.variants) for row in chosen] == [(1, (2, 0)), (4, ()), (3, ())]


def test_the_best_is_always_taken_and_others_by_quality_and_by_difference():
    # a changes with the value, ten other holes stay: only the last differs in more than one step.
    others = {f"h{i}": 0 for i in range(10)}
    near = [trial(i, 10.0 - i, a=i, **others) for i in range(5)]
    far = trial(9, 1.0, a=0, **dict.fromkeys(others, 1))
    assert all(distance(one, near[0], {"a": 4}) <= NEAR for one in near)
    assert numbers(choose([*near, far], [UP], 2)) == [0, 9]
    assert numbers(choose([*near, far], [UP], 4)) == [0, 1, 2, 9], "filled up with the best of the rest, in order"


def test_a_different_network_from_behind_the_pool_is_not_taken():
    others = {f"h{i}": 0 for i in range(10)}
    near = [trial(i, 100.0 - i, a=i, **others) for i in range(12)]
    far = trial(50, 1.0, a=0, **dict.fromkeys(others, 1))
    assert numbers(choose([*near, far], [UP], 2)) == [0, 1]


def test_a_front_is_taken_evenly_and_has_rows_too():
    def both(number: int, score: float, loss: float, macs: float = 1.0) -> Trial:
        return Trial(number, "scored", {"hole": number}, {"macs": macs}, {"score": score, "loss": loss})

    front = [both(i, 10.0 - i, 10.0 - i) for i in range(5)]
    beaten, twin = both(9, 1.0, 9.5), both(8, 10.0, 10.0, macs=0.5)
    chosen = choose([*front, beaten, twin], [UP, DOWN], 3, unseen=lambda *_: True)
    assert [(row.trial.number, row.variants) for row in chosen] == [(8, (0,)), (2, ()), (4, ())]


def test_the_last_stage_that_scored_any_chooses():
    trials = [trial(0, 1.0), trial(1, 2.0)]
    assert numbers(choose_last(trials, [[UP], [DOWN]], 5)) == [1, 0]


def test_distance_counts_numbers_by_their_span_and_words_by_whether_they_differ():
    one, other = trial(0, 0.0, k=3, act="relu", only=1), trial(1, 0.0, k=5, act="silu")
    assert distance(one, other, {"k": 8}) == pytest.approx((0.25 + 1 + 1) / 3)
    assert distance(one, one, {}) == 0.0
