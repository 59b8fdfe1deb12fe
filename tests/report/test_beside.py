"""The pick beside baselines, and how it differs: exact values on a result made by hand."""

from __future__ import annotations

import dataclasses

import pytest

from archlab.report.beside import MOST_HOLES, Beside, beside, differences
from archlab.report.objectives_and_costs import measures
from archlab.search.compared import Baseline, Change, Neighbours
from archlab.search.result import Finalist, SearchResult, Trial
from tests.report import handmade

DRAWS = {2: {"a": 3, "b": "x", "c": 1}, 4: {"a": 5, "b": "x", "d": 2}}


def made(*baselines: Baseline, **changes: object) -> SearchResult:
    trials = tuple(dataclasses.replace(t, draws=DRAWS.get(t.number, t.draws)) for t in handmade.TRIALS)
    finalists = tuple(Finalist(t.number, f"s_{t.number}", "", "", t.cost, t.values) for t in (trials[2], trials[4]))
    return handmade.result(**{"trials": trials, "finalists": finalists, "baselines": baselines, **changes})


def table(result: SearchResult) -> Beside:
    found = beside(result, measures(result))
    assert found is not None
    return found


DEFAULT = Baseline("default", "s", 1.0, {"macs": 50e6}, {"score": 2.5}, {"a": 3, "b": "y", "c": 1})
THIN = Baseline("reference", "mobilenet_v2", 0.5, {"macs": 390e6}, {"score": 3.5})
UNMEASURED = Baseline("reference", "resnet18", 0.4, {"macs": 380e6})
OVER = Baseline("default", "s", 1.0, {"macs": 900e6}, {"score": 9.0}, {}, "macs above 400.0 M")


def test_rows_are_the_pick_the_runner_up_and_the_baselines_with_what_is_known():
    found = table(made(DEFAULT, THIN, UNMEASURED))
    assert [m.name for m in found.measures] == ["score", "macs"]
    assert [(r.role, r.name, r.note, r.values, r.ahead) for r in found.rows] == [
        ("the pick", "s_2", "", (3.0, 200e6), False),
        ("runner-up", "s_4", "", (2.0, 250e6), False),
        ("default draw", "s", "", (2.5, 50e6), False),
        ("reference", "mobilenet_v2", "width_mult 0.5", (3.5, 390e6), True),
        ("reference", "resnet18", "width_mult 0.4", (None, 380e6), None),
    ]
    assert [row.gap for row in found.rows] == ["", "−1.000", "−0.500", "+0.500", ""]
    assert [row.is_pick for row in found.rows] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("baselines", "words"),
    [
        ((DEFAULT,), "Its score is higher than that of every baseline within the budget, or the same."),
        ((DEFAULT, UNMEASURED), "or the same, as far as they are measured: 1 are not."),
        (
            (DEFAULT, THIN),
            "By score alone, mobilenet_v2 (width_mult 0.5) within the same budget is ahead of it.",
        ),
        ((UNMEASURED,), "Nobody has measured score of the baselines, so that only their costs stand here."),
        ((OVER,), "No baseline is within the budget."),
        ((), ""),
    ],
)
def test_the_verdict_is_of_what_was_measured_within_the_budget(baselines, words):
    assert table(made(*baselines)).verdict.endswith(words)


def test_what_is_minimised_is_ahead_where_it_is_less():
    down = dataclasses.replace(made(DEFAULT, THIN).objectives[0], direction="minimize")
    found = table(made(DEFAULT, THIN, objectives=(down,)))
    assert [row.ahead for row in found.rows] == [False, True, True, False]


def test_differences_are_hole_by_hole_with_what_each_changes_alone():
    around = Neighbours(
        2, {"score": 3.0}, (Change("a", 5, {"score": 2.75}, True), Change("b", "y", {"score": 3.5}, False))
    )
    result = made(DEFAULT, neighbours=(around,))
    runner_up, default = differences(result, measures(result))
    assert runner_up.other == "the runner-up, s_4"
    assert [(r.hole, r.pick, r.other, r.effect) for r in runner_up.rows] == [
        ("a", "3", "5", "−0.250"), ("c", "1", "–", ""), ("d", "–", "2", ""),
    ]  # fmt: skip
    assert (runner_up.same, runner_up.left_out) == (1, 0)
    assert default.other == "the default draw"
    assert [(r.hole, r.effect) for r in default.rows] == [("b", "+0.500, over budget")]


def test_many_differences_are_cut_and_counted():
    one, other = ({f"h{i}": value for i in range(40)} for value in (1, 2))
    trials = (Trial(0, "scored", one, {}, {"score": 2.0}), Trial(1, "scored", other, {}, {"score": 1.0}))
    finalists = tuple(Finalist(t.number, f"s_{t.number}", "", "", {}, t.values) for t in trials)
    result = handmade.result(trials=trials, finalists=finalists)
    (found,) = differences(result, measures(result))
    assert (len(found.rows), found.left_out, found.same) == (MOST_HOLES, 40 - MOST_HOLES, 0)


def test_an_old_result_and_one_without_finalists_have_less():
    assert [row.role for row in table(made()).rows] == ["the pick", "runner-up"]
    assert beside(handmade.result(), measures(handmade.result())) is None
    assert differences(handmade.result(), measures(handmade.result())) == ()
