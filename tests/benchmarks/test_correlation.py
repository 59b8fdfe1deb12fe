"""Rank correlations at equal cost, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from benchmarks.correlation import bands, correlations, kendall_within, spearman_within

ONE, TWO = [0, 0, 0], [7, 7]


def test_macs_of_one_band_differ_by_two_percent_at_most():
    macs = np.geomspace(1e6, 1e9, 5000)
    band = bands(macs)
    assert len(np.unique(band)) > 300
    assert max(macs[band == b].max() / macs[band == b].min() for b in np.unique(band)) <= 1.02


def test_only_pairs_of_one_band_count():
    score, truth = np.array([1, 2, 3, 9, 8]), np.array([1, 3, 2, 0, 1])
    # In the first band two of three pairs are right, in the second the only one is wrong; across bands, none counts.
    tau = kendall_within(score, truth, np.array(ONE + TWO))
    assert tau(np.ones(5)) == pytest.approx((2 - 1 - 1) / 4)
    # Without the last network the second band has no pair, and with the first twice two of its pairs count twice.
    assert tau(np.array([2, 1, 1, 1, 0])) == pytest.approx((2 + 2 - 1) / 5)


def test_pairs_of_equal_truth_do_not_count_and_of_equal_score_count_as_a_miss():
    tau = kendall_within(np.array([1, 1, 2]), np.array([1, 2, 2]), np.array(ONE))
    assert tau(np.ones(3)) == pytest.approx(1 / 2)


def test_ranks_are_those_within_the_band():
    truth, band = np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0]), np.array([0, 0, 0, 1, 1, 1])
    # Overall the score is almost wrong; in each band it is right.
    score = np.array([11.0, 12.0, 13.0, 1.0, 2.0, 3.0])
    assert spearmanr(score, truth).statistic < 0
    assert spearman_within(score, truth, band) == pytest.approx(1.0)
    assert spearman_within(-score, truth, band) == pytest.approx(-1.0)


def test_one_band_is_the_plain_correlation():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(40)
    score, band = truth + rng.standard_normal(40), np.zeros(40, dtype=int)
    assert spearman_within(score, truth, band) == pytest.approx(spearmanr(score, truth).statistic)
    assert kendall_within(score, truth, band)(np.ones(40)) == pytest.approx(kendalltau(score, truth).statistic)


def test_the_interval_holds_the_value_and_narrows_with_more_networks():
    rng = np.random.default_rng(1)
    widths = []
    for count in (100, 1000):
        truth = rng.standard_normal(count)
        found = correlations(truth + rng.standard_normal(count), truth, np.full(count, 1e6))
        for value, low, high in found.values():
            assert low < value < high
        widths.append(found["kendall"][2] - found["kendall"][1])
    assert widths[1] < widths[0] / 2
