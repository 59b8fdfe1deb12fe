"""What can be found by counting alone: the smallest network of a space, and unseen ones within a budget."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence

from archlab.elaborate import Draw, Fixed, Hole, Interpreter, Network, Random, Value
from archlab.errors import ArchlabError, BudgetError, RuleError
from archlab.search.counter import Counter
from archlab.search.own_code import OwnCodeError
from archlab.search.trial_draw import Mutation

Size = Callable[[Network], tuple[float, ...]]


def find_smallest(counter: Counter, seed: int) -> Network:
    """Find the smallest network by coordinate descent: relative to the budget, or in MACs without one.

    Raises:
        BudgetError: even the smallest network misses a limit, or the largest a lower one, or a filter refuses all that
            were tried.
        ElaborationError: no draw that was tried describes a network.
        OwnCodeError: a user's own metric or filter raised.
    """
    interpreter, budget = counter.interpreter, counter.budget
    for name, limit in budget.limits:
        _refuse_out_of_reach(counter, name, limit, 1.0, seed)
    for name, limit in budget.floors:
        _refuse_out_of_reach(counter, name, limit, -1.0, seed)

    def size(network: Network) -> tuple[float, ...]:
        count = counter.count(network)
        within = count.fill if budget.limits and count.fill <= 1 else count.costs["macs"]
        return max(1.0, count.fill), float(count.refused is not None), within

    network = _descend(interpreter, size, seed)
    count = counter.count(network)
    if count.refused is not None:
        raise BudgetError(
            f"no network of {interpreter.space.name} was found that {count.refused} lets through",
            hint="loosen it, or write it as a rule of the text, which guides the draws: require",
        )
    if not count.allowed:
        found = ", ".join(f"{name} {budget.metric(name).format(count.costs[name])}" for name in budget.names)
        raise BudgetError(
            f"no network of {interpreter.space.name} was found within {budget} at once: the nearest has {found}",
            hint="loosen one of the budgets",
        )
    return network


def _refuse_out_of_reach(counter: Counter, name: str, limit: float, sign: float, seed: int) -> None:
    """Refuse an upper limit (``sign`` 1) below the smallest network, or a lower one (-1) above the largest.

    Raises:
        BudgetError: it is.
    """

    def value(network: Network) -> float:
        return counter.value(name, network)

    reached = value(_descend(counter.interpreter, lambda network: (sign * value(network),), seed))
    if sign * reached <= sign * limit:
        return
    show = counter.budget.metric(name).format
    relation, end, change = ("≤", "smallest", "raise") if sign > 0 else ("≥", "largest", "lower")
    option = "=" if sign > 0 else ">="
    raise BudgetError(
        f"no network of {counter.interpreter.space.name} meets {name} {relation} {show(limit)}: "
        f"the {end} found has {show(reached)}",
        hint=f"{change} the budget to {name}{option}{show(reached).replace(' ', '')} or "
        + ("more" if sign > 0 else "less"),
    )


def find_unseen(
    counter: Counter,
    parents: Sequence[Mapping[str, Value]],
    seen: Collection[str],
    rng: random.Random,
    attempts: int = 200,
) -> Network | None:
    """Find a network that may be evaluated and is not in ``seen``: drawn randomly, or mutated from ``parents``.

    Returns None where ``attempts`` draws find none.

    Raises:
        OwnCodeError: a user's own metric or filter raised.
    """
    for attempt in range(attempts):
        mutate = parents and (attempt % 2 or attempt > attempts // 2)
        draw = Mutation(rng.choice(parents), rng, rng.choice((0.05, 0.1, 0.2))) if mutate else Random(rng)
        try:
            network = counter.interpreter.network(draw)
        except ArchlabError:
            continue
        if counter.count(network).allowed and network.digest not in seen:
            return network
    return None


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
                except OwnCodeError:
                    raise
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
