"""Which candidates go on to the next stage."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archlab.errors import InputError, quote
from archlab.search.dominance import find_front
from archlab.search.result import Objective, Trial


@dataclass(frozen=True, slots=True)
class Keep:
    """How many go on: a share of those that were scored, rounded up, or a count."""

    share: float | None = None
    count: int = 0

    def of(self, scored: int) -> int:
        """How many of ``scored`` candidates go on."""
        # Rounded first: 0.07 * 100 is 7.000000000000001.
        return min(scored, self.count if self.share is None else math.ceil(round(self.share * scored, 9)))

    def __str__(self) -> str:
        return str(self.count) if self.share is None else f"{self.share * 100:g}%"


def parse_keep(text: str) -> Keep:
    """``25%`` or ``8``.

    Raises:
        InputError: it is neither, or keeps nothing, or more than all.

    >>> parse_keep("25%").of(61), parse_keep("8").of(61), parse_keep("8").of(5)
    (16, 8, 5)
    """
    hint = "write a share such as 25%, or a count such as 8"
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(%?)\s*", text)
    if match is None or (not match[2] and "." in match[1]):
        raise InputError(f"--keep {quote(text)} is neither a share nor a count", hint=hint)
    value = float(match[1])
    if value == 0:
        raise InputError(f"--keep {text.strip()} keeps nothing for the next stage", hint=hint)
    if not match[2]:
        return Keep(count=int(value))
    if value > 100:
        raise InputError(f"--keep {text.strip()} is more than all candidates", hint=hint)
    return Keep(share=value / 100)


def ranked(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """Scored trials, the best first; of equals the earlier.

    By several objectives as NSGA-II ranks (Deb et al. 2002, equations of section III): by non-dominated front, and in
    a front the one with the most room around it first, so that a share of a front spans it.
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
    """Crowding distance: the sides of the box that a point's neighbours span; infinite at the ends."""
    room = np.zeros(len(points))
    for values in points.T:
        order = np.argsort(values, kind="stable")
        span = values[order[-1]] - values[order[0]]
        room[order[[0, -1]]] = np.inf
        if span > 0:
            room[order[1:-1]] += (values[order[2:]] - values[order[:-2]]) / span
    return room
