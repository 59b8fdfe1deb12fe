"""Rank correlations of a score with the truth, over all networks and among those of equal cost, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import kendalltau, rankdata, spearmanr

RESAMPLES = 200
WIDTH = 0.02
"""How far MACs of one band lie apart, as a share."""


def bands(macs: np.ndarray) -> np.ndarray:
    """Return the band of each network: MACs are equal where they differ by no more than ``WIDTH``."""
    band: np.ndarray[Any, Any] = np.floor(np.log(macs) / np.log1p(WIDTH)).astype(int)
    return band


def pairs_within(band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of networks of one band."""
    first, second = [], []
    for b in np.unique(band):
        members = np.flatnonzero(band == b)
        i, j = np.triu_indices(len(members), 1)
        first.append(members[i])
        second.append(members[j])
    return np.concatenate(first), np.concatenate(second)


def kendall_within(score: np.ndarray, truth: np.ndarray, band: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return Kendall's tau-a over the pairs of one band whose truth differs, given how often each network counts."""
    i, j = pairs_within(band)
    differs = truth[i] != truth[j]
    i, j = i[differs], j[differs]
    sign = np.sign(score[i] - score[j]) * np.sign(truth[i] - truth[j])

    def tau(counts: np.ndarray) -> float:
        weight = counts[i] * counts[j]
        return float((weight * sign).sum() / weight.sum())

    return tau


def spearman_within(score: np.ndarray, truth: np.ndarray, band: np.ndarray) -> float:
    """Return Pearson's correlation of the ranks in each band, as shares of it and centred, over all bands together."""
    return float(np.corrcoef(_centred_ranks(score, band), _centred_ranks(truth, band))[0, 1])


def _centred_ranks(values: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Return ranks within each band, from -½ to ½."""
    order = np.argsort(band, kind="stable")
    starts = np.flatnonzero(np.diff(band[order], prepend=band[order][0] - 1))
    ranks = np.empty(len(values))
    for members in np.split(order, starts[1:]):
        ranks[members] = (rankdata(values[members]) - (len(members) + 1) / 2) / len(members)
    return ranks


Estimate = tuple[float, float, float]
"""A value and the ends of its interval."""


def correlations(score: np.ndarray, truth: np.ndarray, macs: np.ndarray) -> dict[str, Estimate]:
    """Return Kendall and Spearman, overall and at equal MACs, each with its 95 % bootstrap interval over networks."""
    band = bands(macs)
    within = kendall_within(score, truth, band)
    everything = np.arange(len(truth))
    rng = np.random.default_rng(0)
    samples = [everything, *(rng.integers(0, len(truth), len(truth)) for _ in range(RESAMPLES))]
    measures: dict[str, Callable[[np.ndarray], float]] = {
        "kendall": lambda s: float(kendalltau(score[s], truth[s]).statistic),
        "spearman": lambda s: float(spearmanr(score[s], truth[s]).statistic),
        "kendall_equal_macs": lambda s: within(np.bincount(s, minlength=len(truth))),
        "spearman_equal_macs": lambda s: spearman_within(score[s], truth[s], band[s]),
    }
    return {name: _estimate([measure(s) for s in samples]) for name, measure in measures.items()}


def _estimate(values: list[float]) -> Estimate:
    low, high = np.percentile(values[1:], (2.5, 97.5))
    return round(values[0], 3), round(float(low), 3), round(float(high), 3)
