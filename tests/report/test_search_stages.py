"""A search's stages in its report."""

from __future__ import annotations

import dataclasses
import html
import math
import re

import pytest

from archlab.report.objectives_and_costs import measures
from archlab.report.overview import headline
from archlab.report.search_page import render_report
from archlab.report.search_stages import (
    LEAST_PAIRED,
    MAX_STAGES,
    Detail,
    agreement,
    details,
    first_ranks,
    stage_rows,
    tau_interval,
)
from archlab.report.search_views import history, pareto, trial_rows
from tests.report import results


def section(page: str, name: str) -> str:
    match = re.search(rf'<section id="{name}".*?</section>\s*(?=<section id=)', page, re.S)
    assert match
    return html.unescape(re.sub(r"<[^>]+>", " ", match[0]))


def test_shares_are_of_all_stages_time():
    first, second = stage_rows(results.staged())
    assert (first.share, second.share) == (0.1, 0.9)
    assert second.each == 5.4


def test_a_search_of_one_stage_has_no_such_section():
    result = results.search()
    assert stage_rows(result) == ()
    assert agreement(result, measures(result)) is None
    assert first_ranks(result, measures(result)) == {}
    assert 'id="search-stages"' not in render_report(result)


def test_agreement_is_kendalls_tau_of_what_both_stages_judged():
    result = results.staged()
    view = agreement(result, measures(result))
    assert view is not None
    # Of the 28 pairs of eight, the 7 with the best of both agree and the other 21 do not.
    assert len(view.points) == 8
    assert view.tau == pytest.approx((7 - 21) / 28)
    down = tuple(dataclasses.replace(o, direction="minimize") if o.name == "channels" else o for o in result.objectives)
    turned = dataclasses.replace(result, objectives=down)
    other = agreement(turned, measures(turned))
    assert other is not None
    assert other.tau == pytest.approx((21 - 7) / 28), "by what is better, not by what is larger"


def test_agreement_says_its_interval_and_how_many_and_nothing_of_fewer_than_eight():
    result = results.staged()
    view = agreement(result, measures(result))
    assert view is not None
    # z = atanh(-0.5) and its deviation is the root of 0.437 / (8 - 4).
    assert (view.low, view.high) == pytest.approx(
        (math.tanh(math.atanh(-0.5) - 1.96 * 0.437**0.5 / 2), 0.0986), abs=1e-2
    )
    words = " ".join(section(render_report(result), "search-stages").split())
    assert "Kendall's τ is −0.50, and 19 of 20 such samples of 8 lie between −0.83 and 0.10" in words
    (one, *_) = (t for t in result.trials if "train.py:accuracy" in t.values)
    fewer = dataclasses.replace(
        result,
        trials=tuple(dataclasses.replace(t, values={"channels": 1.0}) if t == one else t for t in result.trials),
    )
    assert LEAST_PAIRED == 8
    assert agreement(fewer, measures(fewer)) is None
    assert "Kendall" not in render_report(fewer)
    assert tau_interval(1.0, 8)[0] < 0.97
    assert tau_interval(1.0, 8)[1] == 1.0


def test_finalists_have_their_rank_in_the_first_stage():
    result = results.staged()
    ranks = first_ranks(result, measures(result))
    assert [ranks[f.trial] for f in result.finalists] == [1, 8, 7]


def test_the_last_stage_comes_first_in_the_headline_the_table_and_the_plots():
    result = results.staged()
    by = measures(result)
    rows = trial_rows(result, by)
    assert [row.values[0] is not None for row in rows[:9]] == [True] * 8 + [False]
    assert [row.number for row in rows[:3]] == [f.trial for f in result.finalists]
    assert "Best: train.py:accuracy 0.9000, channels" in headline(result, by)
    assert not any(view.x.name == "channels" for view in pareto(result, by)), "two stages' objectives are no front"
    assert [view.y.name for view in history(result, by)] == ["channels"], "the first stage's is the one that draws"


def test_details_are_flat_rows_by_objective():
    (finalist, *_) = results.staged().finalists
    assert details(finalist) == {
        "train.py:accuracy": (
            Detail("by class.cat", "0.25"),
            Detail("by class.dog", "–"),
            Detail("epochs", "12"),
            Detail("note", "early"),
        )
    }


def test_the_page_shows_survivors_cost_and_agreement():
    page = render_report(results.staged())
    words = " ".join(section(page, "search-stages").split())
    assert "2 train.py:accuracy 10 8 1 1 3 54 s 5.4 s" in words
    assert "90.0 %" in words
    assert "Kendall's τ is −0.50" in words
    assert "Rank in stage 1" in section(page, "best")
    assert "What train.py:accuracy reports" in page


def test_hostile_stages_and_details_are_text_and_cut():
    page = render_report(results.hostile())
    funnel = section(page, "search-stages")
    assert "<img src=x onerror=alert(1)>" in funnel, "as text"
    assert "<img" not in page
    assert f" {MAX_STAGES} " in funnel
    assert f" {MAX_STAGES + 1} " not in funnel
