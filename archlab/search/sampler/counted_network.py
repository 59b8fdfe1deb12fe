"""Networks that cost nothing to consider: drawn and counted, and not yet evaluated."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from archlab.elaborate import Hole, Network, Value

KEPT = 2000
"""Drawn networks that are kept of each kind, without their operators: a kB, and 100 bytes for each hole."""

Key = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CountedNetwork:
    """A network that a surrogate may rank.

    Attributes:
        network: the network itself; None where it is kept without, since its operators take much more than the rest.
        holes: the searched holes that its draw met, by name.
        costs: closed-form costs by metric.
        fill: the largest share of a limit that it uses; 0 without a budget.
        below: whether it is a lower limit that it misses.
        features: its graph features, and where they are asked for those of the ways through it; None where it misses
            the budget, for ``Drawer.features`` to find.
        key: the values of its holes; two draws of one network may differ in it.
    """

    network: Network | None
    holes: Mapping[str, Hole]
    costs: Mapping[str, float]
    fill: float
    features: tuple[float, ...] | None
    key: Key
    below: bool = False

    @property
    def light(self) -> CountedNetwork:
        """The same without the network itself, to be kept for a while: most of them are never evaluated."""
        if self.network is None:
            return self
        # Half the time of dataclasses.replace, thousands of times a search.
        return CountedNetwork(None, self.holes, self.costs, self.fill, self.features, self.key, self.below)

    @property
    def params(self) -> dict[str, Value]:
        """The values of its holes, as Optuna's parameters."""
        return dict(self.key)


class Kept:
    """At most ``KEPT`` networks, evenly spread over all that were added (Vitter 1985, reservoir sampling)."""

    def __init__(self) -> None:
        self.networks: list[CountedNetwork] = []
        self._added = 0

    def add(self, counted: CountedNetwork, rng: random.Random) -> None:
        """Keep a network, where there are many in the place of another, or not."""
        self._added += 1
        if len(self.networks) < KEPT:
            self.networks.append(counted.light)
        elif (place := rng.randrange(self._added)) < KEPT:
            self.networks[place] = counted.light


@dataclass(frozen=True, slots=True)
class DrawnNetworks:
    """Random networks within the budget that were drawn so far, near the budget and anywhere within it."""

    near: Kept = field(default_factory=Kept)
    anywhere: Kept = field(default_factory=Kept)

    def sample(self, rng: random.Random, count: int) -> list[CountedNetwork | None]:
        """Return ``count`` networks of either kind; where one kind has fewer, as many more of the other."""
        close, others = self.near.networks, self.anywhere.networks
        near = rng.sample(close, min(count, len(close)))
        return [*near, *rng.sample(others, min(2 * count - len(near), len(others)))]
