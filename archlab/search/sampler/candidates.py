"""Candidates that cost nothing to consider: networks that are drawn and counted, and not yet evaluated."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.cost import Budget
from archlab.elaborate import Draw, Hole, Interpreter, Network, Random, Value
from archlab.errors import ArchlabError
from archlab.search.closed_form import costs_of
from archlab.search.draw import Known, Mutation
from archlab.search.features import GraphFeatures

Key = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A network that a surrogate may rank.

    Attributes:
        network: it.
        holes: the searched holes that its draw met, by name.
        costs: closed-form costs by metric.
        fill: the largest share of a limit that it uses; 0 without a budget.
        features: its graph features.
        key: what its holes are filled with; two draws of one network may differ in it.
    """

    network: Network
    holes: Mapping[str, Hole]
    costs: Mapping[str, float]
    fill: float
    features: tuple[float, ...]
    key: Key

    @property
    def params(self) -> dict[str, Value]:
        """What its holes are filled with, as Optuna's parameters."""
        return dict(self.key)


class Drawer:
    """Draws candidates of one space under one budget."""

    def __init__(self, interpreter: Interpreter, budget: Budget) -> None:
        self.interpreter = interpreter
        self.budget = budget.closed_form
        self._features = GraphFeatures()

    def candidate(self, draw: Draw) -> Candidate | None:
        """The candidate of a draw; None where the draw describes no network."""
        holes: dict[str, Hole] = {}

        def recorded(hole: Hole) -> Value:
            if hole.searched:
                holes[hole.name] = hole
            return draw(hole)

        try:
            network = self.interpreter.network(recorded)
        except ArchlabError:
            return None
        costs = costs_of(network)
        fill = max((costs[name] / limit for name, limit in self.budget.limits), default=0.0)
        key = tuple([(name, network.draws[name]) for name in holes])
        return Candidate(network, holes, costs, fill, self._features(network), key)

    def known(self, params: Mapping[str, Value]) -> Candidate | None:
        """The candidate that a trial's parameters describe; None where they do not describe one."""
        try:
            return self.candidate(Known(params))
        except (KeyError, TypeError, ValueError):
            return None

    def drawn(self, rng: random.Random) -> Candidate | None:
        """A random draw."""
        return self.candidate(Random(rng))

    def mutated(self, parent: Mapping[str, Value], rng: random.Random) -> Candidate | None:
        """``parent`` with one or two of its holes drawn anew, and those that come into being by it."""
        names = rng.sample(sorted(parent), min(len(parent), rng.choice((1, 2))))
        base = {name: value for name, value in parent.items() if name not in names}
        return self.candidate(Mutation(base, rng, 0.0))

    def bred(self, parents: Sequence[Key], rng: random.Random) -> Candidate | None:
        """A mutation of one of ``parents``, or of two of them crossed hole by hole."""
        one = dict(rng.choice(parents))
        if rng.random() < 0.5:
            other = dict(rng.choice(parents))
            one = {name: (one if rng.random() < 0.5 else other).get(name, value) for name, value in one.items()}
        return self.mutated(one, rng)


@dataclass(frozen=True, slots=True)
class Stock:
    """Random candidates within the budget that were drawn so far, near the budget and anywhere within it."""

    near: list[Candidate]
    anywhere: list[Candidate]

    def sample(self, rng: random.Random, count: int) -> list[Candidate | None]:
        """``count`` of either, or of the other as many more as one lacks."""
        near = rng.sample(self.near, min(count, len(self.near)))
        return [*near, *rng.sample(self.anywhere, min(2 * count - len(near), len(self.anywhere)))]
