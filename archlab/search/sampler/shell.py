"""The ways to a candidate in the budget's shell: rejection, a walk, and a range solved for the budget.

Which is cheapest depends on the space and on how tight the budget is: rejection where one draw in ten lies in the
shell, the walk where one in hundreds does, solving where a multiplier sets the cost. So ``Shell`` goes by what each way
has yielded for a draw in the search that is on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archlab.search.draw import Mutation
from archlab.search.sampler.candidates import Candidate, Drawer


@dataclass(frozen=True, slots=True)
class Band:
    """The shares of the budget that a candidate may use: at least ``low``, and at most 1."""

    low: float

    def distance(self, fill: float) -> float:
        """How far a share is from the band; 0 inside."""
        return fill - 1 if fill > 1 else max(0.0, self.low - fill)


Way = Callable[[Drawer, Band, random.Random], Iterator[Candidate | None]]
"""Yields a candidate, or None for no network, for every draw that it makes."""


def rejection(drawer: Drawer, band: Band, rng: random.Random) -> Iterator[Candidate | None]:
    """Random draws."""
    while True:
        yield drawer.drawn(rng)


def walk(drawer: Drawer, band: Band, rng: random.Random) -> Iterator[Candidate | None]:
    """Random draws, each brought to the band by drawing a hole or two anew and keeping what comes nearer."""
    best = None
    while True:
        candidate = drawer.drawn(rng) if best is None else drawer.mutated(best.params, rng)
        if candidate is not None:
            if best is None or band.distance(candidate.fill) < band.distance(best.fill):
                best = candidate
            if not band.distance(candidate.fill):
                best = None
        yield candidate


def solving(drawer: Drawer, band: Band, rng: random.Random) -> Iterator[Candidate | None]:
    """Random draws, the widest range of each, such as a width multiplier, solved for the band by bisection."""
    while True:
        candidate = drawer.drawn(rng)
        yield candidate
        ranges = [hole for hole in candidate.holes.values() if not hole.labels] if candidate is not None else []
        if candidate is None or not ranges:
            continue
        hole = max(ranges, key=lambda h: h.hi / h.lo if h.lo > 0 else h.hi - h.lo)
        base, low, high = candidate.params, 0.0, 1.0
        steps = hole.steps() if hole.step else 2**10
        while candidate is not None and band.distance(candidate.fill) and (high - low) * steps >= 1:
            middle = (low + high) / 2
            index = round(middle * steps)
            value = hole.value_at(index) if hole.step else hole.lo + middle * (hole.hi - hole.lo)
            candidate = drawer.candidate(Mutation(base | {hole.name: value}, rng, 0.0))
            yield candidate
            if candidate is not None:
                low, high = (low, middle) if candidate.fill > 1 else (middle, high)


WAYS: dict[str, Way] = {"rejection": rejection, "walk": walk, "solving": solving}


class Shell:
    """Draws from a band under the budget, and counts what that takes."""

    def __init__(self, drawer: Drawer, band: Band) -> None:
        self.drawer = drawer
        self.band = band
        self.draws = dict.fromkeys(WAYS, 0)
        self.found = dict.fromkeys(WAYS, 0)

    def draw(self, rng: random.Random, draws: int) -> Iterator[Candidate]:
        """Candidates that ``draws`` draws lead to and that meet the budget, those outside the band included."""
        running = {name: way(self.drawer, self.band, rng) for name, way in WAYS.items()}
        for _ in range(draws):
            # What has yielded most, and what has been tried too little to tell.
            name = max(WAYS, key=lambda n: (self.found[n] + 1) / (self.draws[n] + 1))
            candidate = next(running[name])
            self.draws[name] += 1
            if candidate is not None and candidate.fill <= 1:
                self.found[name] += not self.band.distance(candidate.fill)
                yield candidate

    @property
    def empty(self) -> bool:
        """Whether no draw so far has met the band."""
        return not any(self.found.values())
