"""What an objective is worth behind its noise: values of the best are the luckiest, and a search reports them.

A surrogate that was fitted to all of a search's values says what is expected of each network, its own value taken in:
the smoothed value. Evaluations with other seeds, which nothing was selected by, say it better. Both are normal: the
estimate is their mean, weighted by how sure each is (Gelman et al. 2013, Bayesian Data Analysis, section 2.5), so that
few and noisy evaluations are shrunk towards the surrogate, and many stand for themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from archlab.elaborate import Interpreter
from archlab.search.counter import Counter
from archlab.search.result import Estimate, Objective, Trial
from archlab.search.sampler.drawer import Drawer
from archlab.search.sampler.encoder import Encoder

LEAST = 20
"""Values from which on a surrogate says something of their noise."""
EVIDENT = 0.03
"""The share of the variance of a search's values that must be noise for smoothed values to rank."""
TRUSTED = 0.5
"""The share of it that a surrogate must explain to be trusted to tell noise from its own ignorance."""
MOST = 150
"""Values that the surrogate learns from, the best and others: a fit takes as long as their cube."""
_WIDE = 1.96
"""Standard deviations on either side of a mean that hold it in 19 of 20 cases."""


def estimates_of(trials: Sequence[Trial], objective: Objective, interpreter: Interpreter) -> dict[int, Estimate]:
    """Return by number what a noisy objective of trials is worth, where there is anything to say beside its values.

    It is of evaluations with other seeds where a trial has them, and else smoothed by the surrogate.
    """
    known = _to_learn_from([trial for trial in trials if objective.name in trial.values], objective)
    smoothed = _smoothed(known, objective.name, interpreter)
    again = {trial.number: trial.again[objective.name] for trial in trials if trial.again.get(objective.name)}
    if not again:
        return smoothed
    noise = _noise(again, smoothed)
    prior = _prior(again, smoothed)
    return smoothed | {number: _shrunk(values, prior.get(number), noise) for number, values in again.items()}


def promising(trials: Sequence[Trial], objectives: Sequence[Objective], interpreter: Interpreter) -> list[Trial]:
    """Return trials with the values by which some are chosen to be evaluated again: halfway to the smoothed ones.

    What a surrogate does not explain of a value is as likely its ignorance as luck, before any is evaluated again.
    """
    smoothed = {o.name: estimates_of(trials, o, interpreter) for o in objectives}

    def halfway(trial: Trial, name: str) -> float:
        known = smoothed[name].get(trial.number)
        return trial.values[name] if known is None else (trial.values[name] + known.value) / 2

    return [
        replace(trial, values={**trial.values, **{name: halfway(trial, name) for name in smoothed}}) for trial in trials
    ]


def ranking_values(
    trials: Sequence[Trial], objectives: Sequence[Objective], interpreter: Interpreter
) -> tuple[list[Trial], dict[int, dict[str, Estimate]]]:
    """Return trials with the values that rank them, and by number the estimates.

    Those with evaluations by other seeds are ranked among themselves, the others have only what they were selected by.
    """
    if not objectives:
        return list(trials), {trial.number: {} for trial in trials}
    found = {objective.name: estimates_of(trials, objective, interpreter) for objective in objectives}
    names = [objective.name for objective in objectives]
    most = max((min(len(trial.again.get(name, ())) for name in names) for trial in trials), default=0)
    ranked = []
    for trial in trials:
        if most and any(len(trial.again.get(name, ())) < most for name in names):
            continue
        worth = {
            name: found[name][trial.number].value
            for name in names
            if trial.number in found[name] and found[name][trial.number].ranks
        }
        ranked.append(replace(trial, values={**trial.values, **worth}))
    numbers = {trial.number for trial in trials}
    return ranked, {
        number: {name: found[name][number] for name in names if number in found[name]} for number in numbers
    }


def _to_learn_from(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    sign = -1.0 if objective.direction == "maximize" else 1.0
    ordered = sorted(trials, key=lambda trial: (sign * trial.values[objective.name], trial.number))
    rest = ordered[MOST // 2 :]
    if len(ordered) <= MOST:
        return ordered
    return ordered[: MOST // 2] + [rest[int(i)] for i in np.linspace(0, len(rest) - 1, MOST - MOST // 2)]


def _smoothed(trials: Sequence[Trial], name: str, interpreter: Interpreter) -> dict[int, Estimate]:
    """Return the smoothed value of each trial; nothing of few, or where they do not differ."""
    drawer, encoder = Drawer(Counter(interpreter)), Encoder()
    counted = [(trial, drawer.from_params(trial.draws)) for trial in trials]
    rows = [(trial, network) for trial, network in counted if network is not None]
    y = np.array([trial.values[name] for trial, _ in rows])
    if len(rows) < LEAST or not y.std():
        return {}
    holes = [encoder.holes(network) for _, network in rows]
    x = encoder.matrix(holes, [drawer.features(network) for _, network in rows])
    from archlab.search.sampler.surrogate import Surrogate  # seconds to load, which a short search has no use for

    fitted = Surrogate().predict(x, y, x, len(rows))
    middle, low, high = (fitted.back(fitted.mean + step * _WIDE * fitted.deviation) for step in (0, -1, 1))
    noise = np.abs(fitted.back(fitted.mean + math.sqrt(fitted.noise)) - middle)
    explained = 1 - float(np.mean((y - middle) ** 2)) / float(y.var())
    ranks = fitted.noise >= EVIDENT and explained >= TRUSTED
    return {
        trial.number: Estimate(float(m), float(min(a, b)), float(max(a, b)), noise=float(n), ranks=bool(ranks))
        for (trial, _), m, a, b, n in zip(rows, middle, low, high, noise, strict=True)
    }


def _noise(again: dict[int, tuple[float, ...]], smoothed: dict[int, Estimate]) -> float:
    """Return the noise's standard deviation as evaluations with other seeds show it, within networks.

    Where each network has one, it is how far that is from its smoothed value.
    """
    degrees = sum(len(values) - 1 for values in again.values())
    if degrees:
        return math.sqrt(sum(float(np.var(values)) * len(values) for values in again.values()) / degrees)
    away = [values[0] - smoothed[number].value for number, values in again.items() if number in smoothed]
    return math.sqrt(sum(gap * gap for gap in away) / len(away)) if away else math.inf


def _prior(again: dict[int, tuple[float, ...]], smoothed: dict[int, Estimate]) -> dict[int, tuple[float, float]]:
    """Return what is expected of each network before it is evaluated again, and the variance of that.

    It is the smoothed value, moved by how far all of these are from the evaluations together: a surrogate that draws
    the best towards the rest says less of how good they are than of which is better. That move, and what it took for
    noise, may as well be what it does not know: both count to the variance.
    """
    gaps = {n: sum(values) / len(values) - smoothed[n].value for n, values in again.items() if n in smoothed}
    moved = sum(gaps.values()) / max(1, len(gaps))
    return {
        n: (
            smoothed[n].value + moved,
            max(((smoothed[n].high - smoothed[n].low) / (2 * _WIDE)) ** 2 + smoothed[n].noise ** 2 + moved**2, 1e-24),
        )
        for n in gaps
    }


def _shrunk(values: Sequence[float], prior: tuple[float, float] | None, noise: float) -> Estimate:
    """Return the mean of independent evaluations, shrunk towards what was expected by the noise of either."""
    mean, kept = sum(values) / len(values), tuple(values)
    if prior is None or not noise:
        half = _WIDE * noise / math.sqrt(len(values)) if math.isfinite(noise) else 0.0
        return Estimate(mean, mean - half, mean + half, noise=noise if math.isfinite(noise) else 0.0, again=kept)
    expected, variance = prior
    ours, theirs = len(values) / noise**2, 1 / variance
    value = (ours * mean + theirs * expected) / (ours + theirs)
    half = _WIDE / math.sqrt(ours + theirs)
    return Estimate(value, value - half, value + half, noise=noise, again=kept)
