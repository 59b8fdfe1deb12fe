"""Which candidates go on to the next stage: the best, by one objective or several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archlab.search.dominance import find_front
from archlab.search.result import Objective, Trial


def rank_trials(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """Return scored trials, the best first; of equals the earlier.

    Several objectives rank as in NSGA-II (Deb et al. 2002, section III): by non-dominated front, and within a front the
    one with the most room around it first, so that a share of a front spans it.
    """
    if not trials:
        return []
    signs = [1.0 if o.direction == "maximize" else -1.0 for o in objectives]
    points = np.array([[sign * t.values[o.name] for sign, o in zip(signs, objectives, strict=True)] for t in trials])
    if len(objectives) == 1:
        return [trials[i] for i in sorted(range(len(trials)), key=lambda i: (-points[i, 0], trials[i].number))]
    order: list[int] = []
    left = np.arange(len(trials))
    while len(left):
        front = left[find_front(points[left].tolist())]
        room = _crowding(points[front])
        order += [int(i) for _, _, i in sorted(zip(-room, [trials[i].number for i in front], front, strict=True))]
        left = np.setdiff1d(left, front)
    return [trials[i] for i in order]


def _crowding(points: np.ndarray) -> np.ndarray:
    """Return the crowding distance: the sides of the box that a point's neighbours span; infinite at the ends."""
    room = np.zeros(len(points))
    for values in points.T:
        order = np.argsort(values, kind="stable")
        span = values[order[-1]] - values[order[0]]
        room[order[[0, -1]]] = np.inf
        if span > 0:
            room[order[1:-1]] += (values[order[2:]] - values[order[:-2]]) / span
    return room
