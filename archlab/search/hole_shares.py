"""Which holes decide an objective that is too expensive to be measured around the finalists: PED-ANOVA by bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from archlab.elaborate import Hole
from archlab.search.compared import HoleShare
from archlab.search.result import Objective, Trial
from archlab.search.storage.failures import silence_optuna
from archlab.search.trial_draw import distribution_of

MIN_TRIALS = 20
"""Values without which nothing is said."""
LEAST_AT_THE_TOP = 5
"""Trials that the best share has at least, as PED-ANOVA's authors advise."""
MOST_TRIALS = 400
RESAMPLES = 100
_QUANTILE = 0.1


def hole_shares(
    trials: Sequence[Trial],
    objective: Objective,
    holes: Mapping[str, Hole],
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[HoleShare, ...]:
    """Return each hole's share in reaching the best values of an objective, with 95 % by percentile bootstrap.

    The share is Optuna's PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255, in its form for conditional spaces), for
    the best tenth of the trials or the best five of few, divided by the sum over holes. Trials are resampled with
    replacement (Efron 1979); at most ``MOST_TRIALS`` are looked at, the first.

    Args:
        holes: the searched holes by name; trials' values of others, and of those with one value, are left out.

    The result is empty with fewer than ``MIN_TRIALS`` values, or where these are all the same.
    """
    scored = [t for t in trials if t.state == "scored" and objective.name in t.values][:MOST_TRIALS]
    if len(scored) < MIN_TRIALS or len({t.values[objective.name] for t in scored}) < 2:
        return ()
    distributions = {name: distribution_of(hole) for name, hole in holes.items()}
    frozen = [_frozen(trial, objective.name, distributions) for trial in scored]
    names = sorted({name for trial in frozen for name in trial.params})
    found = _importance(frozen, objective, names)
    rng = np.random.default_rng(seed)
    again = np.empty((resamples, len(names)))
    for i in range(resamples):
        row = _importance([frozen[k] for k in rng.integers(0, len(frozen), len(frozen))], objective, names)
        again[i] = [row[name] for name in names]
    low, high = np.quantile(again, [0.025, 0.975], axis=0).round(4)
    rows = [HoleShare(name, round(found[name], 4), float(low[k]), float(high[k])) for k, name in enumerate(names)]
    return tuple(sorted(rows, key=lambda row: (-row.share, row.hole)))


def _frozen(trial: Trial, objective: str, known: Mapping[str, BaseDistribution]) -> optuna.trial.FrozenTrial:
    params = {name: value for name, value in trial.draws.items() if name in known and not known[name].single()}
    return optuna.trial.create_trial(
        params=params, distributions={name: known[name] for name in params}, value=trial.values[objective]
    )


def _importance(
    trials: Sequence[optuna.trial.FrozenTrial], objective: Objective, names: Sequence[str]
) -> dict[str, float]:
    """Return PED-ANOVA's importance of each hole as a share of their sum; zeros where it says nothing."""
    from optuna.importance import PedAnovaImportanceEvaluator  # seconds to load, with its kin's forests

    with silence_optuna():  # it warns of regimes with few trials, which the interval shows
        study = optuna.create_study(direction=objective.direction)
        study.add_trials(trials)
        quantile = min(0.5, max(_QUANTILE, LEAST_AT_THE_TOP / len(trials)))
        found = PedAnovaImportanceEvaluator(target_quantile=quantile).evaluate(study)
    total = sum(found.values())
    return {name: found.get(name, 0.0) / total if total > 0 else 0.0 for name in names}
