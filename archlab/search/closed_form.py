"""What can be found by counting alone: the smallest network of a space, and unseen ones within a budget."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence

from archlab.cost import METRICS, Budget, LatencyModel, cost
from archlab.elaborate import Draw, Fixed, Hole, Interpreter, Network, Random, Value
from archlab.errors import ArchlabError, BudgetError, RuleError
from archlab.search.trial_draw import Mutation

Size = Callable[[Network], float]


def costs_of(network: Network, latency: LatencyModel | None = None) -> dict[str, float]:
    """Return the closed-form costs of a network by metric, its latency among them where something predicts it."""
    return dict(cost(network, latency).as_dict())


def find_smallest(interpreter: Interpreter, budget: Budget, seed: int) -> Network:
    """Find the smallest network by coordinate descent: relative to the budget, or in MACs without one.

    Raises:
        BudgetError: even the smallest network misses a limit.
        ElaborationError: no draw that was tried describes a network.
    """
    for name, limit in budget.closed_form.limits:
        size = _metric(name, budget)
        least = size(_descend(interpreter, size, seed))
        if least > limit:
            show = METRICS[name].format
            raise BudgetError(
                f"no network of {interpreter.space.name} meets {name} ≤ {show(limit)}: "
                f"the smallest found has {show(least)}",
                hint=f"raise the budget to {name}={show(least).replace(' ', '')} or more",
            )
    limits = budget.closed_form.limits

    def fill(network: Network) -> float:
        costs = costs_of(network, budget.latency)
        return max(costs[name] / limit for name, limit in limits) if limits else costs["macs"]

    network = _descend(interpreter, fill, seed)
    costs = costs_of(network, budget.latency)
    if not budget.closed_form.allows(costs):
        found = ", ".join(f"{name} {METRICS[name].format(costs[name])}" for name, _ in limits)
        raise BudgetError(
            f"no network of {interpreter.space.name} was found within {budget} at once: the nearest has {found}",
            hint="raise one of the budgets",
        )
    return network


def find_unseen(
    interpreter: Interpreter,
    budget: Budget,
    parents: Sequence[Mapping[str, Value]],
    seen: Collection[str],
    rng: random.Random,
    attempts: int = 200,
) -> Network | None:
    """Find a network within the budget whose digest is not in ``seen``: drawn randomly, or mutated from ``parents``.

    Returns None where ``attempts`` draws find none.
    """
    for attempt in range(attempts):
        mutate = parents and (attempt % 2 or attempt > attempts // 2)
        draw = Mutation(rng.choice(parents), rng, rng.choice((0.05, 0.1, 0.2))) if mutate else Random(rng)
        try:
            network = interpreter.network(draw)
        except ArchlabError:
            continue
        if budget.closed_form.allows(costs_of(network, budget.latency)) and network.digest not in seen:
            return network
    return None


def _metric(name: str, budget: Budget) -> Size:
    return lambda network: costs_of(network, budget.latency)[name]


def _descend(interpreter: Interpreter, size: Size, seed: int) -> Network:
    """Descend coordinate by coordinate over the holes, from the default draw or the best of some random ones."""
    holes: dict[str, Hole] = {}

    def elaborate(values: Mapping[str, Value]) -> Network:
        fixed = Fixed(values)

        def draw(hole: Hole) -> Value:
            holes[hole.name] = hole
            return fixed(hole) if hole.searched else hole.default

        return interpreter.network(draw)

    rng = random.Random(seed)
    starts = []
    draws: list[Draw] = [Fixed({}), *(Random(rng) for _ in range(100))]
    for draw in draws:
        try:
            starts.append(interpreter.network(draw))
        except ArchlabError as error:
            refused = error
    if not starts:
        starts = [_by_rule(interpreter, refused, seed)]
    best = elaborate(min(starts, key=size).draws)
    ruled = bool(interpreter.space.architecture.requires)  # the ends of a range may break a rule that others meet
    improved = True
    while improved:
        improved = False
        for name in list(best.draws):
            for value in _values(holes[name], ruled):
                # A new block type brings holes of its own: fill them as small as they go, too.
                try:
                    other = _smallest_new(elaborate, {**best.draws, name: value}, best, size, holes, ruled)
                except ArchlabError:
                    continue
                if size(other) < size(best):
                    best, improved = other, True
    return best


def _by_rule(interpreter: Interpreter, refused: ArchlabError, seed: int) -> Network:
    """Find a network that meets the rules of a space, where few do.

    Raises:
        RuleError: none was found.
        ArchlabError: as ``refused``, where that is about something else.
    """
    if not isinstance(refused, RuleError):
        raise refused
    name, tried = interpreter.space.name, 10_000
    values = interpreter.meeting_vars(seed, tried)
    if values is None:
        message = f"no network of {name} was found that meets its rules: none of {tried:,} draws of its vars does"
        raise RuleError(message, refused.place, f"loosen the rules; the last draw: {refused.message}")
    rng = random.Random(seed)
    for _ in range(300):
        try:
            return interpreter.network(Mutation(values, rng, 0.0))
        except ArchlabError as error:
            refused = error
    message = f"no network of {name} was found that meets its rules, in 300 draws whose vars do"
    raise RuleError(message, refused.place, f"loosen the rules; the last draw: {refused.message}")


def _smallest_new(
    elaborate: Callable[[Mapping[str, Value]], Network],
    values: Mapping[str, Value],
    known: Network,
    size: Size,
    holes: Mapping[str, Hole],
    ruled: bool,
) -> Network:
    network = elaborate(values)
    for name in [name for name in network.draws if name not in known.draws]:
        options = [elaborate({**network.draws, name: value}) for value in _values(holes[name], ruled)]
        network = min([network, *options], key=size)
    return network


def _values(hole: Hole, all_steps: bool) -> Sequence[Value]:
    """Return the values to try: every option, or the ends of a range; between them up to 64 steps for ``all_steps``."""
    if hole.labels:
        return hole.labels
    if all_steps and hole.step:
        return [hole.value_at(i) for i in range(0, hole.steps() + 1, hole.steps() // 64 + 1)]
    return (hole.lo, hole.value_at(hole.steps()) if hole.step else hole.hi)
