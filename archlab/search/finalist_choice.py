"""Which networks a search names: the best, each different from the others, and of equals the cheapest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from archlab.cost import METRICS
from archlab.elaborate import Value
from archlab.search.dominance import find_front
from archlab.search.result import Objective, Trial

POOL = 4
"""Of the best ``POOL`` times as many rows as are asked for, those are taken that differ."""
NEAR = 0.1
"""Networks whose draws are no farther apart are steps of one search, not two answers."""

Unseen = Callable[[Trial, Trial], bool]
"""Whether two trials of equal objectives differ only in what these cannot see."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A finalist to be, and the numbers of the trials that differ from it only in what no objective sees."""

    trial: Trial
    variants: tuple[int, ...] = ()


def choose(
    trials: Sequence[Trial],
    objectives: Sequence[Objective],
    top: int,
    budgets: Iterable[str] = (),
    unseen: Unseen = lambda *_: False,
) -> list[Chosen]:
    """Choose ``top`` finalists, the best first.

    By one objective: of equal values the cheaper is before the other, by the budgets' metrics in order and then by all
    others, so that none is above one that beats it in every respect; what is equal in all is in order of trials.
    Networks of equal value that differ only in what is unseen are one row. Of the best rows those are taken that
    differ from the ones taken before, and then the best of the rest, until there are ``top``.

    By several objectives they are those that none beats in all, in the order of the first, and of a front with more
    than ``top`` members those that lie evenly along it.

    Only trials that have a value of each objective are considered.
    """
    scored = [trial for trial in trials if trial.state == "scored" and all(o.name in trial.values for o in objectives)]
    metrics = tuple(dict.fromkeys([*budgets, *METRICS]))

    def losses(trial: Trial) -> tuple[float, ...]:
        return tuple((-1 if o.direction == "maximize" else 1) * trial.values[o.name] for o in objectives)

    def place(trial: Trial) -> tuple[tuple[float, ...], tuple[float, ...], int]:
        return losses(trial), tuple(trial.cost.get(name, math.inf) for name in metrics), trial.number

    ranked = sorted(scored, key=place)
    if len(objectives) == 1:
        return _different(_rows(ranked, losses, unseen, POOL * top), top)
    front = _rows([ranked[i] for i in find_front([[-loss for loss in losses(t)] for t in ranked])], losses, unseen)
    if len(front) <= top or top < 2:
        return front[:top]
    return [front[round(i * (len(front) - 1) / (top - 1))] for i in range(top)]


def _rows(
    ranked: Sequence[Trial],
    losses: Callable[[Trial], tuple[float, ...]],
    unseen: Unseen,
    most: int | None = None,
) -> list[Chosen]:
    """Return the trials in their order, each that differs from an earlier one only in what is unseen in that one's row.

    There are at most ``most`` rows; the last has its variants too.
    """
    rows: list[tuple[Trial, list[int]]] = []
    for trial in ranked:
        same = [row for row in rows if losses(row[0]) == losses(trial)]
        home = next((row for row in same if unseen(row[0], trial)), None)
        if home is not None:
            home[1].append(trial.number)
        elif most is None or len(rows) < most:
            rows.append((trial, []))
        elif not same:
            break
    return [Chosen(trial, tuple(variants)) for trial, variants in rows]


def _different(rows: Sequence[Chosen], top: int) -> list[Chosen]:
    spans = _spans([row.trial for row in rows])
    taken: list[Chosen] = []
    for row in rows:
        if all(distance(row.trial, other.trial, spans) > NEAR for other in taken[:top]):
            taken.append(row)
    taken = taken[:top]
    rest = [row for row in rows if row not in taken][: top - len(taken)]
    return [row for row in rows if row in taken or row in rest]


def _spans(trials: Sequence[Trial]) -> dict[str, float]:
    """Return by hole how far apart its numbers lie."""
    values: dict[str, list[float]] = {}
    for trial in trials:
        for name, value in trial.draws.items():
            if not isinstance(value, str):
                values.setdefault(name, []).append(value)
    return {name: max(numbers) - min(numbers) for name, numbers in values.items()}


def distance(one: Trial, other: Trial, spans: Mapping[str, float]) -> float:
    """Return how far apart two draws are, from 0 to 1: the mean over all their holes (Gower 1971).

    A number counts by its part of ``spans``, what only one has and other words count 1.

    >>> a = Trial(0, "scored", {"act": "relu", "k": 3, "e": 2}, {})
    >>> b = Trial(1, "scored", {"act": "relu", "k": 5}, {})
    >>> distance(a, b, {"k": 4})
    0.5
    """
    names = one.draws.keys() | other.draws.keys()
    apart = (_apart(one.draws.get(name), other.draws.get(name), spans.get(name, 0.0)) for name in names)
    return sum(apart) / max(1, len(names))


def _apart(a: Value | None, b: Value | None, span: float) -> float:
    if a == b:
        return 0.0
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return 1.0
    return min(1.0, abs(a - b) / span) if span > 0 else 1.0


def choose_last(
    trials: Sequence[Trial],
    stages: Sequence[Sequence[Objective]],
    top: int,
    budgets: Iterable[str] = (),
    unseen: Sequence[Unseen] = (),
) -> list[Chosen]:
    """Choose by the objectives of the last stage that scored any; ``unseen`` is of each stage."""
    best: list[Chosen] = []
    for i, objectives in enumerate(stages):
        blind: Unseen = unseen[i] if unseen else lambda *_: False
        best = choose(trials, objectives, top, budgets, blind) or best
    return best
