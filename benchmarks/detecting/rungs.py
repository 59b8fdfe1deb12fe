"""What stopping trainings on the way saves, and what it loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from benchmarks.detecting.agreement import BEST, RESAMPLES

Curve = Mapping[str, float]
"""AP at shares of a training, ``"1"`` being its end."""

REDUCTION = 4
"""Of Optuna's successive halving: of how many that it has compared one goes on."""


def curve_of(row: Mapping[str, Any]) -> Curve | None:
    """Return the AP on the way of a training, and in the end; None of one that failed."""
    return None if "ap" not in row else {**row["ap at"], "1": row["ap"]["ap"] or 0.0}


def going_on(at: Sequence[float]) -> list[bool]:
    """Return which trainings a search's pruner lets go on, by their AP at the one look, in the order of training.

    Optuna's successive halving compares a training with those before it, but not with the first, at whose look it does
    not know yet how long a training is. It goes on where it is in the top quarter, or the best of fewer than eight.
    """
    on = [True]
    for i in range(1, len(at)):
        compared = sorted(at[1 : i + 1], reverse=True)
        on.append(at[i] >= compared[max(len(compared) // REDUCTION, 1) - 1])
    return on


def rungs(curves: Sequence[Curve], together: int = BEST) -> dict[str, dict[str, float]]:
    """Return for each share of a training: its order against that in the end, and a rung at it.

    A rung sees ``together`` trainings that are drawn from all. ``saved`` is the share of all steps, ``loss`` how much
    lower the best AP in the end then is, the mean over draws, and ``kept`` how often it is the same.
    """
    rng = np.random.default_rng(0)
    draws = [rng.choice(len(curves), together, replace=False) for _ in range(RESAMPLES)]
    end = np.array([curve["1"] for curve in curves])
    table = {}
    for share in sorted(set.intersection(*map(set, curves)) - {"1"}, key=float):
        at = np.array([curve[share] for curve in curves])
        on = [going_on(at[drawn].tolist()) for drawn in draws]
        losses = [end[drawn].max() - end[drawn][each].max() for drawn, each in zip(draws, on, strict=True)]
        table[share] = {
            "tau": round(float(kendalltau(at, end).statistic), 3),
            "saved": round((1 - float(share)) * (1 - float(np.mean(on))), 3),
            "loss": round(float(np.mean(losses)), 4),
            "kept": round(float(np.mean(np.array(losses) == 0)), 3),
        }
    return table
