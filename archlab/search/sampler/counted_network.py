"""Networks that cost nothing to consider: drawn and counted, and not yet evaluated."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from archlab.elaborate import Draw, Hole, Network, Random, Value
from archlab.errors import ArchlabError
from archlab.search.counter import Counter
from archlab.search.features import GraphFeatures
from archlab.search.path_features import PathFeatures
from archlab.search.trial_draw import FromParams, Mutation

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
        features: its graph features, and where they are asked for those of the ways through it.
        key: the values of its holes; two draws of one network may differ in it.
    """

    network: Network | None
    holes: Mapping[str, Hole]
    costs: Mapping[str, float]
    fill: float
    features: tuple[float, ...]
    key: Key
    below: bool = False

    @property
    def params(self) -> dict[str, Value]:
        """The values of its holes, as Optuna's parameters."""
        return dict(self.key)


class Drawer:
    """Draws and counts networks of one space under one budget."""

    def __init__(self, counter: Counter, paths: bool = False) -> None:
        self.counter = counter
        self.budget = counter.budget
        self._features = GraphFeatures()
        self._paths = PathFeatures() if paths else None

    def counted(self, draw: Draw) -> CountedNetwork | None:
        """Return the counted network of a draw; None where it describes no network, or one that a filter refuses.

        Raises:
            OwnCodeError: a user's own metric or filter raised.
        """
        holes: dict[str, Hole] = {}

        def recorded(hole: Hole) -> Value:
            if hole.searched:
                holes[hole.name] = hole
            return draw(hole)

        try:
            network = self.counter.interpreter.network(recorded)
        except ArchlabError:
            return None
        count = self.counter.count(network)
        if count.refused is not None:
            return None
        key = tuple([(name, network.draws[name]) for name in holes])
        features = self._features(network) + (self._paths(network) if self._paths is not None else ())
        return CountedNetwork(network, holes, count.costs, count.fill, features, key, count.below)

    def from_params(self, params: Mapping[str, Value]) -> CountedNetwork | None:
        """Return the network that a trial's parameters describe; None where they do not describe one."""
        try:
            return self.counted(FromParams(params))
        except (KeyError, TypeError, ValueError):
            return None

    def digest(self, counted: CountedNetwork) -> str:
        """Return the digest of a network, which is drawn again where it was kept without its operators."""
        network = counted.network or self.counter.interpreter.network(FromParams(counted.params))
        return network.digest

    def draw_randomly(self, rng: random.Random) -> CountedNetwork | None:
        """Draw randomly."""
        return self.counted(Random(rng))

    def mutate(self, parent: Mapping[str, Value], rng: random.Random) -> CountedNetwork | None:
        """Return ``parent`` with one or two of its holes drawn again, and those that come into being by it."""
        names = rng.sample(sorted(parent), min(len(parent), rng.choice((1, 2))))
        base = {name: value for name, value in parent.items() if name not in names}
        return self.counted(Mutation(base, rng, 0.0))

    def breed(self, parents: Sequence[Key], rng: random.Random) -> CountedNetwork | None:
        """Return a mutation of one of ``parents``, or of two of them crossed hole by hole."""
        one = dict(rng.choice(parents))
        if rng.random() < 0.5:
            other = dict(rng.choice(parents))
            one = {name: (one if rng.random() < 0.5 else other).get(name, value) for name, value in one.items()}
        return self.mutate(one, rng)


class Kept:
    """At most ``KEPT`` networks, evenly spread over all that were added (Vitter 1985, reservoir sampling)."""

    def __init__(self) -> None:
        self.networks: list[CountedNetwork] = []
        self._added = 0

    def add(self, counted: CountedNetwork, rng: random.Random) -> None:
        """Keep a network, where there are many in the place of another, or not."""
        self._added += 1
        counted = replace(counted, network=None)
        if len(self.networks) < KEPT:
            self.networks.append(counted)
        elif (place := rng.randrange(self._added)) < KEPT:
            self.networks[place] = counted


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
