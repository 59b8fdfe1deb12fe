"""Draws networks that cost nothing to consider, and counts them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from archlab.elaborate import Draw, Hole, Network, Random, Value
from archlab.errors import ArchlabError
from archlab.graph_features import GraphFeatures
from archlab.search.counter import Counter
from archlab.search.path_features import PathFeatures
from archlab.search.sampler.counted_network import CountedNetwork, Key
from archlab.search.sampler.drawn_memory import MOST, DrawnMemory
from archlab.search.trial_draw import FromParams, Mutation


class Drawer:
    """Draws and counts networks of one space under one budget; ``paths``: with features of the ways through them."""

    def __init__(self, counter: Counter, paths: bool = True) -> None:
        self.counter = counter
        self.budget = counter.budget
        self._graph_features = GraphFeatures()
        self._path_features = PathFeatures() if paths else None
        self._memory = DrawnMemory()
        self._digests: dict[Key, str] = {}

    def counted(self, draw: Draw) -> CountedNetwork | None:
        """Return the counted network of a draw; None where it describes no network, or one that a filter refuses.

        Where it was counted before, it comes without the network itself.

        Raises:
            OwnCodeError: a user's own metric or filter raised.
        """
        holes: dict[str, Hole] = {}
        answers: dict[str, Value] = {}

        def recorded(hole: Hole) -> Value:
            if hole.name not in answers:
                answers[hole.name] = draw(hole)
                if hole.searched:
                    holes[hole.name] = hole
            return answers[hole.name]

        try:
            if (known := self._memory.find(recorded)) is not None:
                return known
            network = self.counter.interpreter.network(recorded)
        except ArchlabError:
            return None
        count = self.counter.count(network)
        if count.refused is not None:
            return None
        key = tuple([(name, network.draws[name]) for name in holes])
        features = self._features_of(network) if count.fill <= 1 else None
        counted = CountedNetwork(network, holes, count.costs, count.fill, features, key, count.below)
        self._memory.keep(counted.light)
        return counted

    def from_params(self, params: Mapping[str, Value]) -> CountedNetwork | None:
        """Return the network that a trial's parameters describe; None where they do not describe one."""
        try:
            return self.counted(FromParams(params))
        except (KeyError, TypeError, ValueError):
            return None

    def features(self, counted: CountedNetwork) -> tuple[float, ...]:
        """Return the features of a network; one that misses the budget comes without, and is drawn again for them."""
        if counted.features is not None:
            return counted.features
        return self._features_of(self._whole(counted))

    def digest(self, counted: CountedNetwork) -> str:
        """Return the digest of a network, which is drawn again where it comes without its operators."""
        if counted.key not in self._digests:
            if len(self._digests) == MOST:
                self._digests.clear()
            self._digests[counted.key] = self._whole(counted).digest
        return self._digests[counted.key]

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

    def _features_of(self, network: Network) -> tuple[float, ...]:
        return self._graph_features(network) + (self._path_features(network) if self._path_features is not None else ())

    def _whole(self, counted: CountedNetwork) -> Network:
        return counted.network or self.counter.interpreter.network(FromParams(counted.params))
