"""Three ways to draw networks close under the budget: rejection, a walk, and a range solved for the budget.

Which is cheapest depends on the space and on how tight the budget is: rejection where one draw in ten lies
there, the walk where one in hundreds does, solving where a multiplier sets the cost. So ``NearBudget`` takes the way
that has yielded most per draw in the search so far.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archlab.search.sampler.counted_network import CountedNetwork
from archlab.search.sampler.drawer import Drawer
from archlab.search.trial_draw import Mutation


@dataclass(frozen=True, slots=True)
class Band:
    """The shares of the budget that a network may use: at least ``low``, and at most 1."""

    low: float

    def distance(self, fill: float) -> float:
        """Return how far a share is from the band; 0 inside."""
        return fill - 1 if fill > 1 else max(0.0, self.low - fill)


Drawn = tuple[CountedNetwork | None, bool]
"""A network, or None where there is none, and whether it was drawn randomly, from the whole space."""

DrawingWay = Callable[[Drawer, Band, random.Random], Iterator[Drawn]]
"""Yields what each draw that it makes gave."""


def rejection(drawer: Drawer, band: Band, rng: random.Random) -> Iterator[Drawn]:
    """Draw randomly."""
    while True:
        yield drawer.draw_randomly(rng), True


def walk(drawer: Drawer, band: Band, rng: random.Random) -> Iterator[Drawn]:
    """Draw randomly, and bring each network to the band: draw a hole or two again, and keep what comes nearer."""
    best = None
    while True:
        begins = best is None
        counted = drawer.draw_randomly(rng) if best is None else drawer.mutate(best.params, rng)
        if counted is not None:
            if best is None or band.distance(counted.fill) < band.distance(best.fill):
                best = counted
            if not band.distance(counted.fill):
                best = None
        yield counted, begins


def solving(drawer: Drawer, band: Band, rng: random.Random) -> Iterator[Drawn]:
    """Draw randomly, and solve each network's widest range, such as a width multiplier, for the band by bisection."""
    while True:
        counted = drawer.draw_randomly(rng)
        yield counted, True
        ranges = [hole for hole in counted.holes.values() if not hole.labels] if counted is not None else []
        if counted is None or not ranges:
            continue
        hole = max(ranges, key=lambda h: h.hi / h.lo if h.lo > 0 else h.hi - h.lo)
        base, low, high = counted.params, 0.0, 1.0
        steps = hole.steps() if hole.step else 2**10
        while counted is not None and band.distance(counted.fill) and (high - low) * steps >= 1:
            middle = (low + high) / 2
            index = round(middle * steps)
            value = hole.value_at(index) if hole.step else hole.lo + middle * (hole.hi - hole.lo)
            counted = drawer.counted(Mutation(base | {hole.name: value}, rng, 0.0))
            yield counted, False
            if counted is not None:
                low, high = (low, middle) if counted.fill > 1 and not counted.below else (middle, high)


WAYS: dict[str, DrawingWay] = {"rejection": rejection, "walk": walk, "solving": solving}


class NearBudget:
    """Draws from a band under the budget, and counts the draws that this takes."""

    def __init__(self, drawer: Drawer, band: Band) -> None:
        self.drawer = drawer
        self.band = band
        self.draws = dict.fromkeys(WAYS, 0)
        self.found = dict.fromkeys(WAYS, 0)

    def draw(self, rng: random.Random, draws: int) -> Iterator[Drawn]:
        """Yield what ``draws`` draws gave; a network that misses the budget counts as none."""
        running = {name: way(self.drawer, self.band, rng) for name, way in WAYS.items()}
        for _ in range(draws):
            # What has yielded most, or has been tried too little to know.
            name = max(WAYS, key=lambda n: (self.found[n] + 1) / (self.draws[n] + 1))
            counted, randomly = next(running[name])
            self.draws[name] += 1
            counted = counted if counted is not None and counted.fill <= 1 else None
            self.found[name] += counted is not None and not self.band.distance(counted.fill)
            yield counted, randomly

    @property
    def is_empty(self) -> bool:
        """Whether no draw so far has met the band."""
        return not any(self.found.values())
