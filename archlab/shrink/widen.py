"""What a draw leaves of the budget, used up in closed form: it is widened where it keeps most for what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archlab.carry.fill_draw import kept_importance
from archlab.carry.statistics import Statistics
from archlab.cost import Budget
from archlab.elaborate import Fixed, Hole, Interpreter, Network, Value
from archlab.errors import ArchlabError
from archlab.ir import Graph
from archlab.search.counter import Counter
from archlab.search.trial_draw import Changed, Noting

Draws = Mapping[str, Value]


def widened(interpreter: Interpreter, draws: Draws, budget: Budget, source: Graph, known: Statistics) -> Draws:
    """Return a draw of a space below ``source`` as wide as the budget allows.

    Step by step, the hole is widened that keeps most importance for each share of the budget, until none fits.

    Args:
        draws: of a network within the budget, by the holes' names.
        budget: a limit on what must be measured, or on a user's own metric, is not looked at: then nothing is widened.
        known: what ``collect`` says of the source.
    """
    if budget.measured.names or any(":" in name for name in budget.names):
        return draws
    counter = Counter(interpreter, budget)
    looked_at: dict[str, float] = {}  # each of a draw's holes is compared with the same draw

    def kept(network: Network) -> float:
        if network.digest not in looked_at:
            looked_at[network.digest] = kept_importance(source, network.graph, known)
        return looked_at[network.digest]

    return _widened(interpreter, draws, counter, kept)


def _widened(interpreter: Interpreter, draws: Draws, counter: Counter, kept: Callable[[Network], float]) -> Draws:
    worth: dict[str, float] = {}
    drawn = dict(draws)
    while True:
        noted = Noting(Fixed(drawn))
        network = interpreter.network(noted)
        fill = counter.count(network).fill
        best: tuple[float, str, Draws] | None = None
        for name, hole in noted.holes.items():
            found = _larger(interpreter, drawn, hole)
            if found is None:
                continue
            count = counter.count(found)
            if not count.allowed or count.fill <= fill:
                continue
            # What a hole is worth hardly changes while others are widened, and takes the time to match all channels.
            if name not in worth:
                worth[name] = (kept(found) - kept(network)) / (count.fill - fill)
            if best is None or worth[name] > best[0]:
                best = worth[name], name, found.draws
        if best is None:
            return drawn
        drawn = dict(best[2])
        worth.pop(best[1])


def _larger(interpreter: Interpreter, draws: Draws, hole: Hole) -> Network | None:
    """Return the network with the next larger value of a hole; None where there is none."""
    value = draws[hole.name]
    larger = [one for one in values_of(hole) if isinstance(one, int | float) and _number(one) > _number(value)]
    try:
        return interpreter.network(Changed(draws, hole.name, min(larger, key=_number))) if larger else None
    except ArchlabError:
        return None


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("inf")


def values_of(hole: Hole) -> list[Value]:
    """Return the values of a hole in order; none of a range without steps."""
    if hole.labels:
        return list(hole.labels)
    return [hole.value_at(i) for i in range(hole.steps() + 1)] if hole.step else []
