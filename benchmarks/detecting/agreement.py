"""Measure how well scores predict trained AP: Kendall's tau, near-equal pairs, and the network that each would pick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau, rankdata

from benchmarks.detecting.pool import Backbone

Numbers = np.ndarray[Any, np.dtype[np.float64]]
RESAMPLES = 1000
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


def noise(found: Mapping[int, Sequence[float]]) -> dict[str, float]:
    """Return one training's deviation, and Kendall's tau between two seeds: no score can be expected to do better."""
    twice = np.array([values[:2] for values in found.values() if len(values) > 1])
    deviation = float(np.sqrt(np.mean((twice[:, 0] - twice[:, 1]) ** 2 / 2)))
    ceiling = float(kendalltau(twice[:, 0], twice[:, 1]).statistic)
    return {"networks": len(twice), "deviation": round(deviation, 4), "tau_between_seeds": round(ceiling, 3)}


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
