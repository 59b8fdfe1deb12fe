"""Which holes matter: the share of an objective's variance that each explains by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from archlab.search.result import Objective, Trial

MIN_TRIALS = 12
_BINS = 4


def importance(trials: Sequence[Trial], objectives: Sequence[Objective]) -> dict[str, dict[str, float]]:
    """Return for each objective every hole's epsilon squared (Kelley 1935).

    That is one-way ANOVA's share of explained variance, corrected for the number of groups: 0 where a hole explains no
    more than chance, and summing to anything.

    A hole that a draw did not meet, as in a space where it depends on another, counts as a value of its own, so that
    conditional spaces need no common subset of holes. A hole with many values is cut into quartiles.
    The result is empty with fewer than ``MIN_TRIALS`` scored trials.
    """
    scored = [trial for trial in trials if trial.state == "scored"]
    if len(scored) < MIN_TRIALS:
        return {}
    names = list(dict.fromkeys(name for trial in scored for name in trial.draws))
    return {
        objective.name: _shares(scored, names, np.array([trial.values[objective.name] for trial in scored]))
        for objective in objectives
    }


def _shares(trials: Sequence[Trial], names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    total = float(((values - values.mean()) ** 2).sum())
    if total == 0:
        return {}
    shares: dict[str, float] = {}
    for name in names:
        groups = _groups(pd.Series([trial.draws.get(name) for trial in trials], dtype=object))
        count = groups.nunique()
        within = float(sum(((part - part.mean()) ** 2).sum() for _, part in pd.Series(values).groupby(groups)))
        freedom = len(values) - count
        if count > 1 and freedom > 0:
            explained = total - within - (count - 1) * within / freedom
            shares[name] = round(max(0.0, explained / total), 4)
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def _groups(values: pd.Series) -> pd.Series:
    """Return one label per trial: the value, or the quartile of a number with many values; absent is a label too."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.nunique() > 2 * _BINS and numbers.notna().sum() == values.notna().sum():
        return pd.qcut(numbers, _BINS, labels=False, duplicates="drop").fillna(-1).astype(int)
    return values.map(lambda value: "absent" if value is None else str(value))
