"""The default sampler: draws by counting alone, a surrogate ranks them, and the best are evaluated."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from archlab.cost import Budget
from archlab.elaborate import Interpreter
from archlab.errors import ExhaustedError
from archlab.search.closed_form import smallest, unseen_within
from archlab.search.draw import Mutation, distribution_of
from archlab.search.sampler.acquire import by_hypervolume
from archlab.search.sampler.book import Book
from archlab.search.sampler.candidates import Candidate, Drawer, Stock
from archlab.search.sampler.encode import Encoder
from archlab.search.sampler.shell import Band, Shell
from archlab.search.sampler.surrogate import Surrogate
from archlab.search.storage.claim import claim
from archlab.search.storage.one_trial import given_params

START = 15
"""Networks evaluated before the surrogate has a say; this and the next three are those of the study of samplers."""
BATCH = 5
"""Results after which it is refitted."""
POOL = 300
"""Candidates that it ranks."""
SHELL = 0.85
"""The share of the budget above which a network lies in its shell."""


class ScreenSampler(BaseSampler):
    """Draws only networks that meet the budget and were never seen, half of them close under the budget.

    For any Optuna study whose objective fills the holes of an architecture text from its trial, by ``FromTrial``;
    parameters besides those of the holes are drawn at random. Every choice is one of the seed and the trial's number.
    One objective or several; noise, failed and pruned trials, and workers in parallel on one storage are fine.

    Args:
        interpreter: of the space.
        budget: limits; those that need a measurement are left to the objective.
        metrics: for each objective the closed-form metric that it is, or None: what is known need not be learnt.
        note: told in words what is amiss, such as that no network lies close under the budget; by default, the log is.

    Raises:
        BudgetError: (by a study's ``ask`` or ``suggest``) no network of the space meets the budget.
        ExhaustedError: (the same) every one was evaluated.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        budget: Budget | None = None,
        seed: int = 0,
        metrics: Sequence[str | None] = (),
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._seed = seed
        self._metrics = tuple(metrics)
        self._note = note or logging.getLogger("archlab.search").warning
        self._drawer = Drawer(interpreter, budget or Budget())
        self._shell = Shell(self._drawer, Band(SHELL)) if self._drawer.budget.limits else None
        self._book = Book(self._drawer, Encoder())
        self._models: list[Surrogate] = []
        self._stock = Stock([], [])
        self._queue: list[Candidate] = []
        self._fitted_on = 0
        self._noted = False
        self._chosen: dict[int, Candidate] = {}
        self._others = RandomSampler(seed=seed)

    def reseed_rng(self) -> None:
        """For threads of one process: what is drawn depends on the trial's number, but other parameters do not."""
        self._others.reseed_rng()

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Chooses the network, and returns the distributions of the holes that it meets."""
        given = given_params(trial)
        if self._drawer.known(given) is not None:  # someone else's choice, such as a retry
            return {}
        candidate = self._choose(study, trial, given)
        if candidate is None:
            return {}
        self._chosen = {trial.number: candidate}
        return {name: distribution_of(hole) for name, hole in candidate.holes.items()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the network's holes are filled with."""
        return dict(self._chosen[trial.number].params) if search_space else {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter that is no hole of the space, at random."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _choose(self, study: optuna.Study, trial: FrozenTrial, given: Mapping[str, Any]) -> Candidate | None:
        """A network that nobody has; None where those that fill what is ``given`` are all taken."""
        rng = random.Random(f"{self._seed} {trial.number}")
        self._book.read(study, trial)
        for candidate in self._completions(given, rng) if given else self._proposals(study, rng, trial.number):
            digest = candidate.network.digest
            if digest in self._book.taken:
                self._forget(candidate)
                continue
            if digest in self._book.claimed:
                continue
            if claim(study, trial, digest) is None:
                self._forget(candidate)
                return candidate
            self._book.claimed.add(digest)
        if given:
            return None
        raise ExhaustedError("no network within the budget is left that was not evaluated")

    def _forget(self, candidate: Candidate) -> None:
        self._book.taken.add(candidate.network.digest)
        self._book.keys.add(candidate.key)

    def _proposals(self, study: optuna.Study, rng: random.Random, number: int) -> Iterator[Candidate]:
        """Candidates, the most promising first, and in the end whatever a search by counting finds."""
        book = self._book
        if len(book.values) + book.pending < START or not any(book.values):
            yield from self._starts(rng, shell=bool(number % 2))
        else:
            if not self._queue or len(book.values) >= self._fitted_on + BATCH:
                self._queue = self._rank(study, rng)
                self._fitted_on = len(book.values)
            while self._queue:
                yield self._queue.pop(0)
        yield from self._leftovers(rng)

    def _completions(self, given: Mapping[str, Any], rng: random.Random) -> Iterator[Candidate]:
        """Networks of which some holes are filled, such as those of a worker that died on the way to its network."""
        for _ in range(POOL):
            candidate = self._drawer.candidate(Mutation(given, rng, 0.0))
            if candidate is not None and candidate.fill <= 1 and given.items() <= candidate.params.items():
                yield candidate

    def _starts(self, rng: random.Random, shell: bool) -> Iterator[Candidate]:
        if shell and self._shell is not None:
            drawn = self._shell.draw(rng, POOL)
            yield from (c for c in drawn if c.key not in self._book.keys and not self._shell.band.distance(c.fill))
            self._say_if_empty()
        for _ in range(POOL):
            candidate = self._drawer.drawn(rng)
            if candidate is not None and candidate.fill <= 1 and candidate.key not in self._book.keys:
                yield candidate

    def _leftovers(self, rng: random.Random) -> Iterator[Candidate]:
        """Where chance finds nothing new: mutations of what is known, and of the smallest network."""
        interpreter, budget = self._drawer.interpreter, self._drawer.budget
        parents: list[Mapping[str, Any]] = [dict(key) for key in self._book.params]
        parents = parents or [smallest(interpreter, budget, self._seed).draws]
        while (
            network := unseen_within(
                interpreter, budget, parents, self._book.taken | self._book.claimed, rng, attempts=10 * POOL
            )
        ) is not None:
            candidate = self._drawer.known(network.draws)
            if candidate is None:
                return
            yield candidate

    def _say_if_empty(self) -> None:
        if self._shell is not None and self._shell.empty and not self._noted:
            self._noted = True
            self._note(
                f"no network was found between {SHELL:.0%} and 100 % of the budget ({self._drawer.budget}) in "
                f"{sum(self._shell.draws.values())} draws: drawing from all that meet it"
            )

    # --- ranking ----------------------------------------------------------------------------------------------------

    def _rank(self, study: optuna.Study, rng: random.Random) -> list[Candidate]:
        """Candidates that were never seen, the most promising first."""
        pool = self._draw_pool(rng)
        if not pool:
            return []
        book = self._book
        known = book.lessons(POOL)
        rows = [*(book.rows[i] for i in known), *(book.encoder.holes(c) for c in pool)]
        x = book.encoder.matrix(rows, [*(book.features[i] for i in known), *(c.features for c in pool)])
        y = book.targets()[known]
        return [pool[i] for i in self._order(study, x[: len(known)], y, x[len(known) :], pool, rng)]

    def _draw_pool(self, rng: random.Random) -> list[Candidate]:
        """A quarter near the budget, a quarter anywhere within it, and half of it mutations of the best.

        The first two are samples of a stock that grows by a few draws each time. Ranking all of the stock, or keeping
        what was ranked high, is worse: it offers the surrogate's worst mistakes again and again.
        """
        quarter = POOL // 4
        for _ in range(1 if self._stock.anywhere else POOL // 20):
            self._draw_more(rng, POOL // 12)
        pool = self._stock.sample(rng, quarter)
        parents = self._book.best(BATCH)
        pool += [self._drawer.bred(parents, rng) for _ in range(POOL - 2 * quarter)]
        new = {c.key: c for c in pool if c is not None and c.fill <= 1 and c.key not in self._book.keys}
        return list(new.values())

    def _draw_more(self, rng: random.Random, draws: int) -> None:
        for _ in range(draws if self._shell is not None else 2 * draws):
            candidate = self._drawer.drawn(rng)
            if candidate is not None and candidate.fill <= 1:
                self._stock.anywhere.append(candidate)
        if self._shell is not None:
            found = self._shell.draw(rng, draws)
            self._stock.near.extend(c for c in found if not self._shell.band.distance(c.fill))
            self._say_if_empty()

    def _order(
        self,
        study: optuna.Study,
        x: np.ndarray,
        y: np.ndarray,
        new: np.ndarray,
        pool: Sequence[Candidate],
        rng: random.Random,
    ) -> list[int]:
        count = y.shape[1]
        self._models = self._models or [Surrogate() for _ in range(count)]
        expected = []
        for k, model in enumerate(self._models):
            metric = self._metrics[k] if k < len(self._metrics) else None
            if metric is None:
                expected.append(model.expect(x, y[:, k], new, len(self._book.rows)))
            else:
                sign = -1.0 if study.directions[k] == optuna.study.StudyDirection.MINIMIZE else 1.0
                expected.append(np.array([sign * candidate.costs[metric] for candidate in pool]))
        if count == 1:
            return [int(i) for i in np.argsort(-expected[0], kind="stable")]
        first = by_hypervolume(self._book.scored(), expected, BATCH, np.random.default_rng(rng.getrandbits(32)))
        rest = sorted(set(range(len(pool))) - set(first), key=lambda i: -sum(e[i] for e in expected))
        return first + rest
