"""What decides an objective: exact rows on results made by hand, and nothing credited that does not enter the score."""

from __future__ import annotations

import archlab
from archlab.report.objective_words import direction, meaning
from archlab.report.objectives_and_costs import measures
from archlab.report.search_page import render_report
from archlab.report.what_decides import HoleRow, sensitivities, shares
from archlab.search.result import read_result
from tests.report import results


def test_rows_are_the_changes_of_each_hole_the_largest_first_and_the_blind_apart():
    result = results.search()
    first, second = sensitivities(result, measures(result))
    best = result.finalists[0]
    one, two, three = list(result.trials[best.trial].draws)[:3]
    now = {name: str(value) for name, value in result.trials[best.trial].draws.items()}
    assert first.finalist == best.name
    assert (first.rank, second.rank, first.tried, first.refused, first.left_out) == (1, 2, 4, 2, 0)
    assert first.rows == (
        HoleRow(one, now[one], -0.5, 0.25, 0.5, "up: +0.250"),
        HoleRow(two, now[two], 0.0, 0.125, 0.125, ""),
    )
    assert first.blind == (three,)


def test_shares_are_shown_only_where_their_interval_is_narrower():
    result = results.staged()
    (found,) = shares(result, measures(result))
    assert [(row.hole, row.share) for row in found.sure] == [("stage5.block", 0.5)]
    assert (found.objective.name, found.unsure, found.trials) == ("train.py:accuracy", 1, 8)
    page = render_report(result)
    assert "50.0 % (40.0 % to 70.0 %)" in page
    assert "1 hole is left out" in page


def test_of_a_real_search_no_hole_that_the_score_cannot_see_is_credited(tmp_path):
    text = "net seen(input=3x16x16, act={relu, silu})\nstem: conv({4, 8, 16}, {3, 5}, s=2)\nhead: gap -> fc(10)\n"
    archlab.search(text, trials=12, out=tmp_path, latency=False)
    result = read_result(tmp_path / "result.json")
    for found in sensitivities(result, measures(result)):
        assert [row.hole for row in found.rows] == ["stem.conv.c"]
        assert sorted(found.blind) == ["act", "stem.conv.k"]
    page = render_report(result)
    assert "Not seen by score:" in page
    assert "Take <a" in page


def test_what_a_number_is_stands_in_words():
    result = results.search()
    assert meaning("score", result).startswith("a score of the untrained network, width at every resolution")
    assert meaning("train", result) == "accuracy on images it was not trained on"
    assert meaning("detection", result).endswith("; it is no AP")
    assert meaning("latency", result) == "latency on this machine, measured or predicted"
    assert meaning("mine.py:accuracy", result) == "what your own function returns"
    assert direction(measures(result).objectives[0]) == "higher is better"
    assert direction(measures(result).costs[0]) == "lower is better"
