"""What stopping the worse half of some trainings on the way saves, and what it loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from benchmarks.detecting.agreement import BEST, RESAMPLES

Curve = Mapping[str, float]
"""AP at shares of a training, ``"1"`` being its end."""


def curve_of(row: Mapping[str, Any]) -> Curve | None:
    """Return the AP on the way of a training, and in the end; None of one that failed."""
    return None if "ap" not in row else {**row["ap at"], "1": row["ap"]["ap"] or 0.0}


def rungs(curves: Sequence[Curve], together: int = BEST) -> dict[str, dict[str, float]]:
    """Return for each share of a training: its order against that in the end, and a rung at it.

    A rung sees ``together`` trainings that are drawn from all, and goes on with the better half by their AP at the
    share. ``saved`` is the share of all steps, ``loss`` how much lower the best AP in the end then is, the mean over
    draws, and ``kept`` how often it is the same.
    """
    rng = np.random.default_rng(0)
    draws = [rng.choice(len(curves), together, replace=False) for _ in range(RESAMPLES)]
    end = np.array([curve["1"] for curve in curves])
    table = {}
    for share in sorted(set(curves[0]) - {"1"}, key=float):
        at = np.array([curve[share] for curve in curves])
        losses = [end[drawn].max() - end[_better_half(drawn, at)].max() for drawn in draws]
        table[share] = {
            "tau": round(float(kendalltau(at, end).statistic), 3),
            "saved": round((1 - float(share)) * (together // 2) / together, 3),
            "loss": round(float(np.mean(losses)), 4),
            "kept": round(float(np.mean(np.array(losses) == 0)), 3),
        }
    return table


def _better_half(drawn: np.ndarray[Any, Any], at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return drawn[np.argsort(-at[drawn], kind="stable")[: len(drawn) - len(drawn) // 2]]
