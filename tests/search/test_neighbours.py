"""What each hole decides: every changed network counted again, against building and scoring it from its text."""

from __future__ import annotations

import pytest

import archlab
from archlab.cost import cost
from archlab.elaborate import Fixed, Hole, Interpreter, elaborate
from archlab.nn import build
from archlab.score import score
from archlab.search.closed_judge import ClosedJudge
from archlab.search.neighbours import MOST_VALUES, holes_of, is_unseen, neighbours_of, other_values
from archlab.search.request import make_plan
from archlab.search.result import Trial

TEXT = """\
net seen(input=3x16x16, act={relu, silu})
stem: conv({4, 8}, {3, 5}, s=2)
body: repeat([1..3], conv({8, 16}, 3))
head: gap -> fc(10)
"""
BASE = {"act": "relu", "stem.conv.c": 4, "stem.conv.k": 3, "body.depth": 2, "body.conv.c": 8}


def judge(**options: object) -> ClosedJudge:
    plan = make_plan(TEXT, **options)  # type: ignore[arg-type]
    return ClosedJudge(plan.stages, Interpreter(plan.space))


def drawn(number: int = 0, **changed: int | str) -> Trial:
    return Trial(number, "scored", {**BASE, **{k.replace("_", "."): v for k, v in changed.items()}}, {}, {})


def test_every_hole_is_changed_to_every_other_value_and_scored_as_a_build_of_it_is():
    found = neighbours_of(drawn(3), judge(objective="score"))
    assert (found.trial, found.refused, found.left_out) == (3, 0, 0)
    assert [(c.hole, c.value) for c in found.changes] == [
        ("act", "silu"), ("stem.conv.c", 8), ("stem.conv.k", 5), ("body.depth", 1), ("body.depth", 3),
        ("body.conv.c", 16),
    ]  # fmt: skip
    for change in found.changes:
        network = elaborate(TEXT, {**BASE, change.hole: change.value})
        assert change.values == {"score": score("score", build(network.graph, seed=0), (3, 16, 16), 0)}
    assert found.values == {"score": score("score", build(elaborate(TEXT, BASE).graph, seed=0), (3, 16, 16), 0)}


def test_costs_are_closed_forms_too_and_the_budget_is_said():
    macs = {value: cost(elaborate(TEXT, {**BASE, "body.conv.c": value})).macs for value in (8, 16)}
    found = neighbours_of(drawn(), judge(objective=["score", "params"], budget=[f"macs={macs[16] - 1}"]))
    wider = next(change for change in found.changes if change.hole == "body.conv.c")
    assert wider.values["params"] == cost(elaborate(TEXT, {**BASE, "body.conv.c": 16})).params
    assert not wider.allowed
    assert next(change for change in found.changes if change.hole == "act").allowed


def test_what_needs_weights_is_not_judged():
    assert judge(objective="zen").names == ()
    assert judge(objective="zen", then="score").names == ("score",)


def test_a_limit_leaves_no_hole_out_before_another_is_tried_twice():
    found = neighbours_of(drawn(), judge(objective="score"), most=5)
    assert found.left_out == 1
    assert sorted({change.hole for change in found.changes}) == sorted(BASE)


def test_what_the_objective_does_not_see_is_found_by_changing_it_alone():
    scored = judge(objective="score")
    assert is_unseen(drawn(0), drawn(1, act="silu"), scored)
    assert is_unseen(drawn(0), drawn(1, act="silu", stem_conv_k=5), scored)
    assert not is_unseen(drawn(0), drawn(1, stem_conv_c=8), scored)
    assert not is_unseen(drawn(0), drawn(1), scored), "nothing differs"
    assert not is_unseen(drawn(0), drawn(1, stem_conv_k=5), judge(objective="macs"))


def test_other_values_of_a_long_range_are_spread_over_it():
    long = Hole("h", (), 0, 1000, 1, 0)
    assert len(other_values(long, 0)) == MOST_VALUES - 1
    assert other_values(long, 0)[-1] == 1000
    assert other_values(Hole("h", (), 1, 3, 1, 1), 2) == [1, 3]
    assert other_values(Hole("h", ("a", "b"), default="a"), "a") == ["b"]
    assert len(other_values(Hole("h", (), 0.0, 1.0, 0, 0.5), 0.5)) == 8


def test_the_searched_holes_are_those_that_draws_met():
    interpreter = Interpreter(make_plan(TEXT).space)
    assert sorted(holes_of([drawn()], interpreter)) == sorted(BASE)
    assert interpreter.network(Fixed(BASE)).draws == BASE


def test_a_search_names_one_row_for_what_its_score_does_not_see(tmp_path):
    result = archlab.search(TEXT, trials=48, seed=1, out=tmp_path / "out", latency=False)
    best = max(t.values["score"] for t in result.trials if t.state == "scored")
    ties = [t for t in result.trials if t.state == "scored" and t.values["score"] == best]
    first = result.finalists[0]
    assert {first.trial, *first.variants} == {t.number for t in ties}
    assert first.cost["macs"] == min(t.cost["macs"] for t in ties)
    values = [finalist.values["score"] for finalist in result.finalists]
    assert values == sorted(set(values), reverse=True), "a row for each value: kernels and activations are not seen"
    assert result.neighbours[0].values["score"] == pytest.approx(best, abs=0)
    assert result.shares == {}
