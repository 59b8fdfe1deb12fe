"""The default sampler: draws by counting alone, a surrogate ranks them, and the best are evaluated."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from archlab.cost import Budget
from archlab.elaborate import Interpreter
from archlab.errors import ExhaustedError
from archlab.garbage import garbage_collection_off
from archlab.search.closed_form import find_smallest, find_unseen
from archlab.search.counter import Counter
from archlab.search.own_code import OwnRules
from archlab.search.sampler.counted_network import CountedNetwork, DrawnNetworks
from archlab.search.sampler.drawer import Drawer
from archlab.search.sampler.encoder import Encoder
from archlab.search.sampler.hypervolume import by_hypervolume
from archlab.search.sampler.near_budget import Band, NearBudget
from archlab.search.sampler.observations import Observations
from archlab.search.sampler.policy import POLICY, Policy
from archlab.search.storage.claim import SettledClaims, claim
from archlab.search.storage.one_trial import given_params
from archlab.search.trial_draw import Mutation, distribution_of
from archlab.units import format_percent

if TYPE_CHECKING:
    from archlab.search.sampler.surrogate import Surrogate

START = 15
"""Networks evaluated before the surrogate chooses; this and the next three are those of the study of samplers."""
BATCH = 5
"""Results after which the surrogate is fitted again."""
POOL = 300
"""Networks that the surrogate ranks."""
KEEP = 20
"""The first of them, which are kept whole until the next are ranked."""
NEAR = 0.85
"""The share of the budget above which a network lies close under it."""


class ScreenSampler(BaseSampler):
    """Draws only networks that meet the budget and were never seen, half of them close under the budget.

    For any Optuna study whose objective fills the holes of an architecture text from its trial, by ``FromTrial``;
    parameters besides those of the holes are drawn randomly. Every choice follows from the seed and the trial's number.
    One objective or several, noise, failed and pruned trials, and workers in parallel on one storage are all allowed.

    Args:
        interpreter: of the space.
        budget: limits; those that need a measurement are left to the objective.
        metrics: for each objective the closed-form metric that it is, or None: what is known need not be learned.
        own: a user's own metrics and filters.
        policy: how candidates are ranked.
        note: called with a sentence about what is amiss, such as that no network lies close under the budget; by
            default, the logger ``archlab.search`` is.

    Raises:
        BudgetError: (by a study's ``ask`` or ``suggest``) no network of the space meets the budget.
        ExhaustedError: (the same) every one was evaluated.
        OwnCodeError: (the same) a user's own metric or filter raised.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        budget: Budget | None = None,
        seed: int = 0,
        metrics: Sequence[str | None] = (),
        note: Callable[[str], None] | None = None,
        own: OwnRules | None = None,
        policy: Policy = POLICY,
    ) -> None:
        self._seed = seed
        self._metrics = tuple(metrics)
        self._policy = policy
        self._note = note or logging.getLogger("archlab.search").warning
        self._drawer = Drawer(Counter(interpreter, budget, own, [name for name in metrics if name], seed), policy.paths)
        self._near = NearBudget(self._drawer, Band(NEAR)) if self._drawer.budget.limits else None
        self._seen = Observations(self._drawer, Encoder())
        self._models: list[Surrogate] = []
        self._drawn = DrawnNetworks()
        self._queue: list[CountedNetwork] = []
        self._fitted_on = 0
        self._noted = False
        self._claims = SettledClaims()
        self._chosen: dict[int, CountedNetwork] = {}
        self._others = RandomSampler(seed=seed)

    def reseed_rng(self) -> None:
        """Reseed the parameters that are no holes, for threads: networks depend on the trial's number alone."""
        self._others.reseed_rng()

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Choose the network, and return the distributions of the holes that it meets."""
        given = given_params(trial)
        if self._drawer.from_params(given) is not None:  # someone else's choice, such as a retry
            return {}
        with garbage_collection_off():  # what is drawn goes at once or lives on: a fifth of the time
            counted = self._choose(study, trial, given)
        if counted is None:
            return {}
        self._chosen = {trial.number: counted}
        return {name: distribution_of(hole) for name, hole in counted.holes.items()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of the network's holes."""
        return dict(self._chosen[trial.number].params) if search_space else {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a parameter that is no hole of the space, drawn randomly."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _choose(self, study: optuna.Study, trial: FrozenTrial, given: Mapping[str, Any]) -> CountedNetwork | None:
        """Choose a network that nobody has; None where those that fill what is ``given`` are all taken."""
        rng = random.Random(f"{self._seed} {trial.number}")
        self._seen.read(study, trial)
        for counted in self._completions(given, rng) if given else self._proposals(study, rng, trial.number):
            digest = self._drawer.digest(counted)
            if digest in self._seen.taken:
                self._forget(counted)
                continue
            if digest in self._seen.claimed:
                continue
            if claim(study, trial, digest, self._claims) is None:
                self._forget(counted)
                return counted
            self._seen.claimed.add(digest)
        if given:
            return None
        raise ExhaustedError("no network within the budget is left that was not evaluated")

    def _forget(self, counted: CountedNetwork) -> None:
        self._seen.taken.add(self._drawer.digest(counted))
        self._seen.keys.add(counted.key)

    def _proposals(self, study: optuna.Study, rng: random.Random, number: int) -> Iterator[CountedNetwork]:
        """Yield networks, the most promising first, and in the end whatever a search by counting finds."""
        seen = self._seen
        if len(seen.values) + seen.pending < START or not any(seen.values):
            yield from self._starts(rng, shell=bool(number % 2))
        else:
            if not self._queue or len(seen.values) >= self._fitted_on + BATCH:
                self._queue = self._rank(study, rng)
                self._fitted_on = len(seen.values)
            while self._queue:
                yield self._queue.pop(0)
        yield from self._leftovers(rng)

    def _completions(self, given: Mapping[str, Any], rng: random.Random) -> Iterator[CountedNetwork]:
        """Yield networks of which some holes are given, such as by a worker that died on the way to its network."""
        for _ in range(POOL):
            counted = self._drawer.counted(Mutation(given, rng, 0.0))
            if counted is not None and counted.fill <= 1 and given.items() <= counted.params.items():
                yield counted

    def _starts(self, rng: random.Random, shell: bool) -> Iterator[CountedNetwork]:
        if shell and self._near is not None:
            for counted, _ in self._near.draw(rng, POOL):
                if counted is None or counted.key in self._seen.keys or self._near.band.distance(counted.fill):
                    continue
                yield counted
            self._note_if_none_near()
        for _ in range(POOL):
            counted = self._drawer.draw_randomly(rng)
            if counted is not None and counted.fill <= 1 and counted.key not in self._seen.keys:
                yield counted

    def _leftovers(self, rng: random.Random) -> Iterator[CountedNetwork]:
        """Yield, where random draws find nothing new, mutations of what is known, and of the smallest network."""
        counter = self._drawer.counter
        parents: list[Mapping[str, Any]] = [dict(key) for key in self._seen.params]
        parents = parents or [find_smallest(counter, self._seed).draws]
        while (
            network := find_unseen(counter, parents, self._seen.taken | self._seen.claimed, rng, attempts=10 * POOL)
        ) is not None:
            counted = self._drawer.from_params(network.draws)
            if counted is None:
                return
            yield counted

    def _note_if_none_near(self) -> None:
        if self._near is not None and self._near.is_empty and not self._noted:
            self._noted = True
            self._note(
                f"no network was found between {format_percent(NEAR, 0)} and 100 % of the budget "
                f"({self._drawer.budget}) in {sum(self._near.draws.values())} draws: drawing from all that meet it"
            )

    # --- ranking ----------------------------------------------------------------------------------------------------

    def _rank(self, study: optuna.Study, rng: random.Random) -> list[CountedNetwork]:
        """Rank networks that were never seen, the most promising first."""
        pool = self._draw_pool(rng)
        if not pool:
            return []
        seen = self._seen
        known = seen.to_learn_from(POOL)
        rows = [*(seen.rows[i] for i in known), *(seen.encoder.holes(c) for c in pool)]
        x = seen.encoder.matrix(rows, [*(seen.features[i] for i in known), *(self._drawer.features(c) for c in pool)])
        y = seen.targets()[known]
        order = self._order(study, x[: len(known)], y, x[len(known) :], pool, rng)
        # The first keep their operators, from which their digests follow; it is among them that the next are chosen.
        return [pool[i] if place < KEEP else pool[i].light for place, i in enumerate(order)]

    def _draw_pool(self, rng: random.Random) -> list[CountedNetwork]:
        """Draw a quarter near the budget, a quarter anywhere within it, and half as mutations of the best.

        The first two are samples of a pool that takes in a few draws each time. Ranking all of that pool, or keeping
        what was ranked high, is worse: it offers the surrogate's worst mistakes again and again.
        """
        quarter = POOL // 4
        for _ in range(1 if self._drawn.anywhere.networks else POOL // 20):
            self._draw_more(rng, POOL // 12)
        pool = self._drawn.sample(rng, quarter)
        parents = self._seen.best(BATCH)
        pool += [self._drawer.breed(parents, rng) for _ in range(POOL - 2 * quarter)]
        new = {c.key: c for c in pool if c is not None and c.fill <= 1 and c.key not in self._seen.keys}
        return list(new.values())

    def _draw_more(self, rng: random.Random, draws: int) -> None:
        """Make ``draws`` draws near the budget and as many anywhere; those of the first that are random count for both.

        Without a budget all are random.
        """
        left = 2 * draws
        if self._near is not None:
            left = draws
            for counted, randomly in self._near.draw(rng, draws):
                left -= randomly
                if counted is not None and randomly:
                    self._drawn.anywhere.add(counted, rng)
                if counted is not None and not self._near.band.distance(counted.fill):
                    self._drawn.near.add(counted, rng)
            self._note_if_none_near()
        for _ in range(left):
            counted = self._drawer.draw_randomly(rng)
            if counted is not None and counted.fill <= 1:
                self._drawn.anywhere.add(counted, rng)

    def _wanted(self, k: int) -> str | None:
        """Return the metric that an objective is; None for one that is to be learned."""
        return self._metrics[k] if k < len(self._metrics) else None

    def _order(
        self,
        study: optuna.Study,
        x: np.ndarray,
        y: np.ndarray,
        new: np.ndarray,
        pool: Sequence[CountedNetwork],
        rng: random.Random,
    ) -> list[int]:
        from archlab.search.sampler.surrogate import Surrogate  # seconds to load, which a short search has no use for

        count = y.shape[1]
        self._models = self._models or [Surrogate() for _ in range(count)]
        expected = []
        for k, model in enumerate(self._models):
            metric = self._wanted(k)
            if metric is None:
                prediction = model.predict(x, y[:, k], new, len(self._seen.rows))
                expected.append(prediction.hoped(self._policy.deviations))
            else:
                sign = -1.0 if study.directions[k] == optuna.study.StudyDirection.MINIMIZE else 1.0
                expected.append(np.array([sign * counted.costs[metric] for counted in pool]))
        if count == 1:
            return [int(i) for i in np.argsort(-expected[0], kind="stable")]
        first = by_hypervolume(self._seen.scored(), expected, BATCH, np.random.default_rng(rng.getrandbits(32)))
        rest = sorted(set(range(len(pool))) - set(first), key=lambda i: -sum(e[i] for e in expected))
        return first + rest
