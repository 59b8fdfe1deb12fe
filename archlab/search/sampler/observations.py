"""What a sampler learns from a study's trials: which networks are taken, and the results of the others."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archlab.search.dominance import find_front
from archlab.search.sampler.counted_network import Key
from archlab.search.sampler.drawer import Drawer
from archlab.search.sampler.encoder import Encoder
from archlab.search.storage.claim import claimed_digest
from archlab.search.storage.one_trial import given_params
from archlab.search.storage.settled import count_settled
from archlab.search.storage.trial_record import PLAN, record_in


@dataclass
class Observations:
    """The evaluations of a study, in the order in which their results came; grows by ``read``.

    Attributes:
        values: by evaluation, every objective with larger being better; None where it failed or was pruned.
        taken: digests of networks that were evaluated.
        keys: the same networks by the values of their holes.
        claimed: digests of networks that others evaluate, which are free again where those get no result.
    """

    drawer: Drawer
    encoder: Encoder
    rows: list[dict[int, float]] = field(default_factory=list)
    features: list[Sequence[float]] = field(default_factory=list)
    params: list[Key] = field(default_factory=list)
    values: list[list[float] | None] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    keys: set[Key] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)
    pending: int = 0
    _first: int = 0
    _settled: set[int] = field(default_factory=set)
    _recorded: bool | None = None

    def read(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Take in what is new in ``study``, except ``trial`` itself."""
        signs = [1.0 if d == StudyDirection.MAXIMIZE else -1.0 for d in study.directions]
        if self._recorded is None:
            self._recorded = PLAN in study.user_attrs
        self.pending = 0
        self.claimed = set()
        trials = study.get_trials(deepcopy=False)
        for other in trials[self._first :]:
            if other.number in self._settled or other.number == trial.number:
                continue
            if other.state.is_finished():
                self._settled.add(other.number)
                # Of any other study's trials, a failed one is the objective's verdict.
                if not self._recorded or record_in(other) is not None:
                    self._add(other, signs)
                continue
            self.pending += 1
            if (digest := claimed_digest(other)) is not None:
                self.claimed.add(digest)
            elif (known := self.drawer.from_params(given_params(other))) is not None:
                self.claimed.add(self.drawer.digest(known))
        self._first = count_settled(trials, self._first)
        self._settled = {number for number in self._settled if number >= self._first}

    def _add(self, trial: FrozenTrial, signs: Sequence[float]) -> None:
        counted = self.drawer.from_params(trial.params)
        if counted is None:
            return
        self.taken.add(self.drawer.digest(counted))
        # In the place of the equal key that the sampler has put there: one of them is enough.
        self.keys.discard(counted.key)
        self.keys.add(counted.key)
        if counted.fill > 1 and trial.state != TrialState.COMPLETE:
            return
        values = None
        if trial.state == TrialState.COMPLETE:
            values = [sign * value for sign, value in zip(signs, trial.values, strict=True)]
        self.rows.append(self.encoder.holes(counted))
        self.features.append(array("d", self.drawer.features(counted)))
        self.params.append(counted.key)
        self.values.append(values)

    def scored(self) -> np.ndarray:
        """Return evaluations by objectives, of those that have values."""
        return np.array([values for values in self.values if values is not None])

    def targets(self) -> np.ndarray:
        """Return evaluations by objectives; a failed or pruned one counts as the worst that was seen."""
        worst = self.scored().min(0)
        return np.array([worst if values is None else values for values in self.values])

    def to_learn_from(self, most: int) -> list[int]:
        """Choose evaluations to learn from: all, or of more than ``most`` the best for half of it, and others.

        The others are spread evenly over the search. So a refit costs the same however long the search has been.
        """
        if len(self.values) <= most:
            return list(range(len(self.values)))
        targets = self.targets()
        ranks = targets.argsort(0, kind="stable").argsort(0, kind="stable").max(1)
        first = np.argsort(-ranks, kind="stable")
        rest = np.sort(first[most // 2 :])
        spread = rest[np.linspace(0, len(rest) - 1, most - most // 2).astype(int)]
        return sorted({*first[: most // 2].tolist(), *spread.tolist()})

    def best(self, least: int) -> list[Key]:
        """Return the holes of the best: a tenth of all, and at least ``least``; of several objectives, of the front."""
        known = [(key, values) for key, values in zip(self.params, self.values, strict=True) if values is not None]
        points = np.array([values for _, values in known])
        if points.shape[1] > 1:
            return [known[i][0] for i in find_front(points.tolist())]
        order = np.argsort(-points[:, 0], kind="stable")
        return [known[i][0] for i in order[: max(least, len(known) // 10)]]
