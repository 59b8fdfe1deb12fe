from __future__ import annotations

import pytest

from archlab.errors import InputError
from archlab.search.objective import parse_goals
from archlab.search.result import Objective, Trial
from archlab.search.stages.keep import parse_keep, ranked
from archlab.search.stages.later import later_stages

UP, DOWN = Objective("a", "maximize"), Objective("b", "minimize")


def trials(*points):
    names = "ab"
    return [Trial(i, "scored", {}, {}, dict(zip(names, point, strict=False))) for i, point in enumerate(points)]


def order(found):
    return [trial.number for trial in found]


@pytest.mark.parametrize(
    ("text", "of", "kept"),
    [("25%", 60, 15), ("25%", 61, 16), ("0.5%", 10, 1), ("100%", 7, 7), ("7%", 100, 7), ("8", 60, 8), ("8", 5, 5),
     (" 33.3 % ", 3, 1), ("25%", 0, 0)],
)  # fmt: skip
def test_a_share_is_rounded_up_and_a_count_is_at_most_all(text, of, kept):
    assert parse_keep(text).of(of) == kept


@pytest.mark.parametrize("text", ["25%", "8", "12.5%"])
def test_it_is_written_as_it_is_read(text):
    assert str(parse_keep(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [("0%", "keeps nothing"), ("0", "keeps nothing"), ("101%", "more than all"),
     ("half", "neither a share nor a count"),
     ("2.5", "neither"), ("-3", "neither"), ("", "neither"), ("nan%", "neither"), ("1e3", "neither")],
)  # fmt: skip
def test_what_keeps_nothing_or_is_no_share_is_refused(text, message):
    with pytest.raises(InputError, match=message) as refused:
        parse_keep(text)
    assert refused.value.hint == "write a share such as 25%, or a count such as 8"


def test_each_stage_has_its_share_and_a_quarter_where_none_is_said():
    goals = parse_goals(["macs", "params"])
    assert [str(stage.keep) for stage in later_stages(goals, [8])] == ["8", "25%"]
    with pytest.raises(InputError, match="2 --keep for 1 --then"):
        later_stages(goals[:1], ["8", "4"])


def test_one_objective_ranks_by_value_and_ties_by_number():
    assert order(ranked(trials((1,), (3,), (2,), (3,)), [UP])) == [1, 3, 2, 0]
    assert order(ranked(trials((0, 4), (0, 1)), [DOWN])) == [1, 0]


def test_several_objectives_rank_by_front_and_then_by_room():
    # By hand: the front is 0 to 3, of which 0 and 3 are its ends; 1 has sides 2/9 + 5/9, 2 has 8/9 + 8/9. Behind it
    # comes 4, which 2 beats, and then 5, which 4 beats.
    points = trials((0, 0), (1, 1), (2, 5), (9, 9), (2, 6), (1, 7))
    assert order(ranked(points, [UP, DOWN])) == [0, 3, 2, 1, 4, 5]


def test_nothing_is_ranked_where_nothing_was_scored():
    assert ranked([], [UP, DOWN]) == []
