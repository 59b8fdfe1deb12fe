"""From networks that were run to a profile: the points, the laws, and how well held-out networks are predicted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median

import numpy as np

from archlab.latency.gather import Carrier, pooled
from archlab.latency.laws import Law, fit_law
from archlab.latency.predictor import KernelTimes, whole_of
from archlab.latency.profile import MOST_OVERHEAD, Accuracy, Point

FOLDS = 5
INTERVAL = 0.9
"""The share of held-out networks that a profile's error covers."""


def points_of(carriers: Sequence[Carrier]) -> tuple[Point, ...]:
    """Return every kernel with the least and the median of its runs."""
    networks = Counter(runs.kernel for carrier in carriers for runs in carrier.kernels)
    return tuple(
        Point(k, min(s), float(np.quantile(s, 0.25)), median(s), networks[k]) for k, s in pooled(carriers).items()
    )


def laws_of(points: Sequence[Point]) -> dict[str, Law]:
    """Return the law of each kind of kernel."""
    by_kind: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_kind[point.kernel.kind].append(point)
    return {
        kind: fit_law([point.kernel for point in of_kind], [point.quartile for point in of_kind])
        for kind, of_kind in sorted(by_kind.items())
    }


def judge(carriers: Sequence[Carrier]) -> tuple[float, float, Accuracy]:
    """Predict each network from the others; return scale, overhead, and how well that goes.

    A fifth of the networks at a time is left out of the points and of the laws. What is measured in parts is a little
    less than the whole, or with a profiler a little more: ``scale`` and ``overhead`` bring the sums to the wholes.
    """
    sums, counts, took = [], [], []
    for fold in range(min(FOLDS, len(carriers))):
        points = points_of([c for i, c in enumerate(carriers) if i % FOLDS != fold] or carriers)
        times = KernelTimes(points, laws_of(points))
        for carrier in carriers[fold::FOLDS]:
            sums.append(sum(runs.count * times(runs.kernel) for runs in carrier.kernels))
            counts.append(sum(runs.count for runs in carrier.kernels))
            took.append(median(carrier.whole))
    work, whole = np.array([sums, counts], float).T, np.array(took)
    scale, overhead = _calibrated(work, whole)
    predicted = np.array([whole_of(s, int(n), scale, overhead) for s, n in work])
    errors = np.abs(predicted / whole - 1)
    accuracy = Accuracy(
        networks=len(errors),
        error=round(float(np.quantile(errors, INTERVAL)), 4),
        median_error=round(float(np.median(errors)), 4),
        within_10_percent=round(float(np.mean(errors <= 0.1)), 4),
    )
    return scale, overhead, accuracy


def _calibrated(work: np.ndarray, whole: np.ndarray) -> tuple[float, float]:
    """Return the factors of sums and counts that bring them nearest to the wholes, by relative errors."""
    (scale, overhead), *_ = np.linalg.lstsq(work / whole[:, None], np.ones(len(whole)), rcond=None)
    return max(float(scale), 0.0), float(np.clip(overhead, -MOST_OVERHEAD, MOST_OVERHEAD))
