"""PED-ANOVA with an interval: it is Optuna's, it finds what was planted, and of what decides nothing it is unsure."""

from __future__ import annotations

import random

import optuna
import pytest
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from archlab.elaborate import Hole
from archlab.search.hole_shares import MIN_TRIALS, hole_shares
from archlab.search.result import Objective, Trial
from archlab.search.trial_draw import distribution_of

UP = Objective("accuracy", "maximize")
HOLES = {
    "c": Hole("c", (8, 16, 32, 64), default=8),
    "k": Hole("k", (), 1, 9, 2, 3),
    "act": Hole("act", ("relu", "silu"), default="relu"),
    "one": Hole("one", (), 3, 3, 1, 3),
    "late": Hole("late", (1, 2), default=1),
}


def trials(count: int, seed: int = 0) -> list[Trial]:
    """Accuracy is by c, and a little luck; ``late`` is met by half of the draws."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        draws: dict[str, int | float | str] = {"c": rng.choice((8, 16, 32, 64)), "k": rng.choice((1, 3, 5, 7, 9))}
        draws |= {"act": rng.choice(("relu", "silu")), "one": 3} | ({"late": rng.choice((1, 2))} if number % 2 else {})
        values = {"accuracy": float(draws["c"]) + rng.random()}
        rows.append(Trial(number, "scored", draws, {}, values))
    return rows


def test_what_was_planted_is_sure_and_the_rest_is_not():
    rows = {row.hole: row for row in hole_shares(trials(300), UP, HOLES, seed=0, resamples=30)}
    assert sorted(rows) == ["act", "c", "k", "late"], "a hole of one value decides nothing"
    assert rows["c"].high - rows["c"].low < rows["c"].share
    assert rows["c"].share > 0.5
    assert [name for name, row in rows.items() if row.high - row.low < row.share] == ["c"]
    assert sum(row.share for row in rows.values()) == pytest.approx(1, abs=1e-3)


def test_shares_are_optunas_own():
    rows = trials(60)
    study = optuna.create_study(direction="maximize")
    known = {name: distribution_of(hole) for name, hole in HOLES.items() if name != "one"}
    for row in rows:
        params = {name: value for name, value in row.draws.items() if name in known}
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions={n: known[n] for n in params}, value=row.values["accuracy"]
            )
        )
    theirs = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    ours = {row.hole: row.share for row in hole_shares(rows, UP, HOLES, seed=0, resamples=2)}
    for name in ("c", "k", "act"):
        assert ours[name] == pytest.approx(theirs[name], abs=1e-3)


def test_few_or_equal_values_say_nothing_and_the_same_seed_says_the_same():
    assert hole_shares(trials(MIN_TRIALS - 1), UP, HOLES, 0) == ()
    equal = [Trial(t.number, "scored", t.draws, {}, {"accuracy": 1.0}) for t in trials(40)]
    assert hole_shares(equal, UP, HOLES, 0) == ()
    assert hole_shares(trials(30), UP, HOLES, 5, 10) == hole_shares(trials(30), UP, HOLES, 5, 10)
