"""What a noisy value is worth: against the truth that the noise was put on, and by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import archlab
from archlab.search.counter import costs_of
from archlab.search.estimates import _prior, _shrunk, estimates_of, promising, ranking_values
from archlab.search.result import Estimate, Objective, Trial

TEXT = """net n(input=3x16x16)
stem: conv([8..64 step 8], 3, s=2)
body: repeat([1..6], conv([8..64 step 8]))
head: gap -> fc(10)
"""
ACCURACY = Objective("accuracy", "maximize")


@pytest.fixture(scope="module")
def interpreter():
    return archlab.Interpreter(archlab.load_space(TEXT))


def trials_of(interpreter, noise, count=60):
    """Trials whose true value is smooth in the network, and its values with normal noise."""
    rng = random.Random(0)
    found, truth = {}, {}
    while len(found) < count:
        network = interpreter.network(archlab.Random(rng))
        if network.digest not in found:
            number = len(found)
            truth[number] = math.log(costs_of(network)["params"]) + 0.5 * math.log(costs_of(network)["activations"])
            value = truth[number] + rng.gauss(0, noise)
            found[network.digest] = Trial(number, "scored", dict(network.draws), {}, {"accuracy": value})
    return list(found.values()), truth


def test_smoothed_values_are_nearer_to_the_truth_and_rank_where_noise_is_evident(interpreter):
    trials, truth = trials_of(interpreter, noise=0.3)
    smoothed = estimates_of(trials, ACCURACY, interpreter)
    assert len(smoothed) == 60
    raw = np.mean([(t.values["accuracy"] - truth[t.number]) ** 2 for t in trials])
    ours = np.mean([(smoothed[t.number].value - truth[t.number]) ** 2 for t in trials])
    assert ours < raw / 3
    assert all(estimate.ranks for estimate in smoothed.values())
    assert 0.2 < np.median([estimate.noise for estimate in smoothed.values()]) < 0.4
    ranked, _ = ranking_values(trials, [ACCURACY], interpreter)
    assert [t.values["accuracy"] for t in ranked] == [smoothed[t.number].value for t in trials]


def test_without_noise_the_values_themselves_rank(interpreter):
    trials, _ = trials_of(interpreter, noise=0.0)
    ranked, estimates = ranking_values(trials, [ACCURACY], interpreter)
    assert [t.values for t in ranked] == [t.values for t in trials]
    assert not any(each["accuracy"].ranks for each in estimates.values())


def test_of_few_values_nothing_is_said(interpreter):
    trials, _ = trials_of(interpreter, noise=0.3, count=19)
    assert estimates_of(trials, ACCURACY, interpreter) == {}


def test_independent_evaluations_are_weighed_with_the_smoothed_value_by_how_sure_each_is():
    # Two evaluations with noise 2, of mean 10, weigh 2 / 4; the surrogate's 4 with a deviation of 1 weighs 1.
    shrunk = _shrunk([9.0, 11.0], (4.0, 1.0), noise=2.0)
    assert shrunk.value == pytest.approx((0.5 * 10 + 1 * 4) / 1.5)
    assert shrunk.high - shrunk.value == pytest.approx(1.96 / math.sqrt(1.5))
    assert _shrunk([9.0, 11.0], (4.0, 1.0), noise=0.0).value == 10.0
    assert _shrunk([9.0, 11.0], None, noise=2.0).value == 10.0


def test_what_the_surrogate_misses_of_all_of_them_together_is_put_right():
    # All four are 2 better than expected, whatever the noise: nothing but their differences is shrunk.
    smoothed = {n: Estimate(10.0 + n, 10.0 + n - 1.96, 10.0 + n + 1.96, noise=0.5) for n in range(4)}
    again = {n: (11.5 + n, 12.5 + n) for n in range(4)}
    assert _prior(again, smoothed) == {n: (12.0 + n, pytest.approx(1.0 + 0.25 + 4.0)) for n in range(4)}
    assert _prior({0: (5.0,)}, {}) == {}


def test_those_evaluated_again_are_chosen_halfway_between_their_values_and_the_smoothed_ones(interpreter):
    trials, _ = trials_of(interpreter, noise=0.3)
    smoothed = estimates_of(trials, ACCURACY, interpreter)
    for before, after in zip(trials, promising(trials, [ACCURACY], interpreter), strict=True):
        half = (before.values["accuracy"] + smoothed[before.number].value) / 2
        assert after.values["accuracy"] == pytest.approx(half)


def test_what_was_evaluated_again_is_ranked_by_that_among_itself():
    again = {0: (1.0, 1.25), 1: (2.0, 2.25), 2: ()}
    trials = [
        Trial(n, "scored", {}, {}, {"accuracy": 9.0 - n}, again={"accuracy": values} if values else {})
        for n, values in again.items()
    ]
    interpreter = archlab.Interpreter(archlab.load_space(TEXT))
    ranked, estimates = ranking_values(trials, [ACCURACY], interpreter)
    assert {t.number: t.values["accuracy"] for t in ranked} == {0: 1.125, 1: 2.125}
    assert estimates[0]["accuracy"].again == (1.0, 1.25)
    assert estimates[2] == {}
