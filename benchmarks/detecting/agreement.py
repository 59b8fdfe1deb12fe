"""Measure how well scores predict trained AP: Kendall's tau, near-equal pairs, and the network that each would pick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau, rankdata

from benchmarks.detecting.pool import Backbone

Numbers = np.ndarray[Any, np.dtype[np.float64]]
RESAMPLES = 1000
DEVIATIONS = 200
"""Deviations of the noise that are tried, as the pairs leave them open."""

BEST = 8
"""Candidates that a search trains."""

NEAR_MACS = 1.5
"""Pairs whose MACs differ by no more than this factor count as near-equal."""


def truths(lines: Sequence[Mapping[str, Any]]) -> dict[int, list[float]]:
    """Return the AP of each training of a network of the pool, mean of validation and test; a failed one has 0."""
    found: dict[int, list[float]] = {}
    for line in sorted(lines, key=lambda line: line["seed"]):
        if isinstance(line["network"], int) and line.get("pooling", "avg") == "avg":
            found.setdefault(line["network"], []).append(
                (line["val"]["ap"] + line["test"]["ap"]) / 2 if "val" in line else 0.0
            )
    return found


def noise(found: Mapping[int, Sequence[float]]) -> dict[str, Any]:
    """Return one training's deviation, Kendall's tau between two seeds, and the ``ceiling`` of a perfect score.

    Tau between two seeds is no bound on a score: there both sides are noisy. A score that knew the expected AP would
    have a higher one, with a training of each network and, where some were trained twice, with the recorded means.
    """
    twice = np.array([values[:2] for values in found.values() if len(values) > 1])
    deviation = float(np.sqrt(np.mean((twice[:, 0] - twice[:, 1]) ** 2 / 2)))
    between = float(kendalltau(twice[:, 0], twice[:, 1]).statistic)
    return {
        "networks": len(twice),
        "deviation": round(deviation, 4),
        "tau_between_seeds": round(between, 3),
        "ceiling": ceiling(found, deviation, len(twice)),
    }


def ceiling(found: Mapping[int, Sequence[float]], deviation: float, pairs: int) -> dict[str, Any]:
    """Return by simulation the tau of a perfect predictor of expected AP.

    Expected APs are the recorded ones, drawn together around their mean until noise of ``deviation`` on top gives the
    recorded spread; trainings are simulated with normal noise.

    Returns:
        ``one_training``: tau with one training of each network. ``recorded``: with means of as many as are recorded,
        and ``low`` and ``high``, 95 % over what ``pairs`` pairs leave open of the deviation (chi-squared).
    """
    ap = np.array([np.mean(values) for values in found.values()])
    counts = np.array([len(values) for values in found.values()])
    rng = np.random.default_rng(0)
    one, recorded = _perfect(ap, counts, deviation, rng, RESAMPLES)
    drawn = [deviation * (pairs / rng.chisquare(pairs)) ** 0.5 for _ in range(DEVIATIONS)]
    low, high = np.percentile([_perfect(ap, counts, each, rng, 20)[1] for each in drawn], (2.5, 97.5))
    return {
        "one_training": round(one, 2),
        "recorded": round(recorded, 2),
        "low": round(float(low), 2),
        "high": round(float(high), 2),
    }


def _perfect(
    ap: Numbers, counts: Numbers, deviation: float, rng: np.random.Generator, samples: int
) -> tuple[float, float]:
    spread = float(ap.var(ddof=1))
    expected = max(spread - deviation**2 * float(np.mean(1 / counts)), 0.0)
    truth = ap.mean() + (ap - ap.mean()) * (expected / spread) ** 0.5
    if expected == 0:  # noise alone explains the spread: there is nothing to predict
        return 0.0, 0.0
    taus = []
    for _ in range(samples):
        luck = rng.normal(0, deviation, (2, len(ap)))
        taus.append([kendalltau(truth, truth + each).statistic for each in (luck[0], luck[1] / np.sqrt(counts))])
    one, recorded = np.mean(taus, axis=0)
    return float(one), float(recorded)


def probe_first(
    scores: Mapping[int, Mapping[str, float | None]],
    found: Mapping[int, Sequence[float]],
    seconds: Mapping[str, float],
    by: str = "roi_probe",
) -> dict[str, Any]:
    """Return what is lost where only the better half by ``by`` is scored by ``detection``, and what it costs.

    ``kept``: how many of the ``BEST`` by ``detection`` and by AP are in that half, and beside it how many of the latter
    the better half by ``detection`` itself has; ``seconds`` are of a candidate.
    """

    def best(values: Mapping[int, float], count: int) -> set[int]:
        return set(sorted(values, key=lambda network: -values[network])[:count])

    scored = {name: {n: float(row[name] or 0.0) for n, row in scores.items()} for name in (by, "detection")}
    half, own = (best(scored[name], len(scores) // 2) for name in (by, "detection"))
    best_by_ap = best({network: float(np.mean(found[network])) for network in scores}, BEST)
    return {
        "by": by,
        "of": BEST,
        "kept": {
            "detection": len(best(scored["detection"], BEST) & half),
            "AP": len(best_by_ap & half),
            "AP, by detection's own half": len(best_by_ap & own),
        },
        "seconds": round(seconds["roi_probe"] + seconds["detection"] / 2, 2),
    }


def tau(score: Numbers, ap: Numbers) -> dict[str, float | None]:
    """Return Kendall's tau with its 95 % bootstrap interval over networks; None of a score that is the same for all."""
    if np.ptp(score) == 0:
        return {"tau": None, "low": None, "high": None}
    rng = np.random.default_rng(0)
    samples = [rng.integers(0, len(ap), len(ap)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile([kendalltau(score[s], ap[s]).statistic for s in samples], (2.5, 97.5))
    value = kendalltau(score, ap).statistic
    return {"tau": round(float(value), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def near_pairs(score: Numbers, ap: Numbers, macs: Numbers, setting: Numbers, gap: float) -> dict[str, list[int]]:
    """Count near-equal pairs whose AP differs by more than ``gap``: [ranked right, of], all and of one setting."""
    i, j = np.triu_indices(len(ap), 1)
    kept = (np.abs(np.log(macs[i] / macs[j])) <= np.log(NEAR_MACS)) & (np.abs(ap[i] - ap[j]) > gap)
    i, j = i[kept], j[kept]
    right = np.sign(score[i] - score[j]) == np.sign(ap[i] - ap[j])
    same = setting[i] == setting[j]
    return {
        "all": [int(right.sum()), len(right)],
        "same_residual": [int(right[same].sum()), int(same.sum())],
    }


def picks(score: Numbers, ap: Numbers, macs: Numbers, budgets: Sequence[float]) -> list[dict[str, float]]:
    """For each budget, return the AP of the network of highest score within it, and the best that there is."""
    rows = []
    for budget in budgets:
        within = np.flatnonzero(macs <= budget)
        chosen = within[np.argmax(score[within])]
        rows.append({"budget": budget, "ap": round(float(ap[chosen]), 4), "best": round(float(ap[within].max()), 4)})
    return rows


def table(
    backbones: Sequence[Backbone],
    found: Mapping[int, Sequence[float]],
    scores: Mapping[int, Mapping[str, float | None]],
) -> dict[str, dict[str, Any]]:
    """For each score, return all of the above, over ``backbones``."""
    ap = np.array([np.mean(found[b.index]) for b in backbones])
    macs = np.array([b.macs for b in backbones], float)
    setting = np.array([b.residual for b in backbones])
    gap = 2 * noise(found)["deviation"]
    within = group_of(backbones)
    columns = columns_of(backbones, scores)
    return {
        name: {
            "overall": tau(column, ap),
            "with_residuals": tau(column[setting == 1], ap[setting == 1]),
            "near_equal_macs": _tau_within(column, ap, within),
            "pairs": near_pairs(column, ap, macs, setting, gap),
            "picks": picks(column, ap, macs, [2e7, 4e7, 8e7]),
        }
        for name, column in columns.items()
    }


def columns_of(backbones: Sequence[Backbone], scores: Mapping[int, Mapping[str, float | None]]) -> dict[str, Numbers]:
    """Return scores as columns; the trivial rule, parameters + residual by ranks, is among them. Null is lowest."""
    names = list(scores[backbones[0].index])
    columns = {
        name: np.array([-np.inf if (v := scores[b.index][name]) is None else v for b in backbones]) for name in names
    }
    columns["parameters + residual"] = rankdata(columns["parameters"]) + rankdata(columns["residual"])
    return columns


def group_of(backbones: Sequence[Backbone]) -> Numbers:
    """Return each backbone's group of near-equal MACs, -1 for none."""
    return np.array([-1 if b.group is None else b.group for b in backbones], float)


def _tau_within(score: Numbers, ap: Numbers, group: Numbers) -> float:
    """Return Kendall's tau over the pairs inside a group."""
    right = wrong = 0
    for g in np.unique(group[group >= 0]):
        members = np.flatnonzero(group == g)
        i, j = np.triu_indices(len(members), 1)
        sign = np.sign(score[members[i]] - score[members[j]]) * np.sign(ap[members[i]] - ap[members[j]])
        right, wrong = right + int((sign > 0).sum()), wrong + int((sign < 0).sum())
    return round((right - wrong) / max(1, right + wrong), 3)
