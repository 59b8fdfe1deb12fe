"""Measures have one unit and one number of digits for all the networks of a result."""

from __future__ import annotations

import dataclasses

import pytest

from archlab.report.objectives_and_costs import Measure, finite, measures
from archlab.search.result import Objective
from tests.report.handmade import TRIALS, result, trial


def test_measures_have_one_unit_and_four_figures():
    by = measures(result())
    assert by.objectives == (Measure("objective", "score", "score", digits=3, direction="maximize"),)
    assert by.costs == (Measure("cost", "macs", "MACs", "M", 1e6, digits=1, limit=400e6),)
    assert by.costs[0].title == "MACs (M)"
    assert by.costs[0].with_unit(203_004_928) == "203.0 M"
    assert by.costs[0].shown(None) == "–"


def test_a_cost_that_is_an_objective_counts_once():
    trials = tuple(dataclasses.replace(t, values={"macs": t.cost["macs"]}) for t in TRIALS)
    by = measures(result(trials=trials, objectives=(Objective("macs", "minimize"),)))
    assert [m.key for m in by.all] == ["objective:macs"]
    assert by.objectives[0].title == "MACs (M)"


def test_huge_scores_are_written_with_an_exponent_as_javascript_does():
    by = measures(result(trials=(trial(0, score=1.5e21),)))
    assert by.objectives[0].shown(1.5e21) == "1.500e+21"
    assert by.objectives[0].shown(2.5e-7) == "2.500e-7"


@pytest.mark.parametrize("value", [None, True, "3", float("nan"), float("inf"), 10**400, 1e200])
def test_what_is_no_plain_number_has_no_place(value: object):
    assert finite(value) is None
