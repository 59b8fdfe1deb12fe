"""What one hole decides: a network with that hole filled otherwise, counted and scored again, for every other value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archlab.elaborate import Fixed, Hole, Interpreter, Value
from archlab.errors import ArchlabError
from archlab.search.closed_judge import ClosedJudge, is_closed_form
from archlab.search.compared import Change, Neighbours
from archlab.search.finalist_choice import Unseen
from archlab.search.plan import Stage
from archlab.search.result import Trial
from archlab.search.trial_draw import Changed, Noting

MOST_VALUES = 16
"""Other values of one hole that are tried; of a longer range, that many spread over it."""
MOST_CHANGES = 600
"""Changes of the first finalist; each takes some 3 ms."""
MOST_OF_OTHERS = 150
"""Changes of each other finalist."""
MOST_FINALISTS = 10


def find_neighbours(trials: Sequence[Trial], judge: ClosedJudge) -> tuple[Neighbours, ...]:
    """Return what each hole of the first finalists decides; nothing where no objective is a closed form."""
    if not judge.names:
        return ()
    most = [MOST_CHANGES, *[MOST_OF_OTHERS] * (MOST_FINALISTS - 1)]
    return tuple(neighbours_of(trial, judge, limit) for trial, limit in zip(trials, most, strict=False))


def neighbours_of(trial: Trial, judge: ClosedJudge, most: int = MOST_CHANGES) -> Neighbours:
    """Return a trial's network with each hole changed to each other value; holes that come with it take their default.

    Every hole's first other value is tried before any hole's second, so that ``most`` leaves none out.
    """
    draw = Noting(Fixed(trial.draws))
    values = judge.values(judge.interpreter.network(draw))
    wanted = _in_turn({name: other_values(hole, trial.draws[name]) for name, hole in draw.holes.items()})
    changes, refused = [], 0
    for name, value in wanted[:most]:
        try:
            network = judge.interpreter.network(Changed(trial.draws, name, value))
            changes.append(Change(name, value, judge.values(network), judge.allows(network)))
        except ArchlabError:
            refused += 1
    order = list(draw.holes)
    changes.sort(key=lambda change: order.index(change.hole))
    return Neighbours(trial.number, values, tuple(changes), refused, max(0, len(wanted) - most))


def other_values(hole: Hole, but: Value) -> list[Value]:
    """Return the values that a hole takes besides ``but``, in order; of many, ``MOST_VALUES`` spread over them."""
    if hole.labels:
        values: list[Value] = list(hole.labels)
    elif hole.step:
        values = [hole.value_at(i) for i in _spread(hole.steps() + 1)]
    else:
        values = [round(hole.lo + (hole.hi - hole.lo) * i / 8, 10) for i in range(9)]
    return [value for value in values if value != but]


def _spread(count: int) -> Iterable[int]:
    if count <= MOST_VALUES:
        return range(count)
    return sorted({round(i * (count - 1) / (MOST_VALUES - 1)) for i in range(MOST_VALUES)})


def _in_turn(values: Mapping[str, Sequence[Value]]) -> list[tuple[str, Value]]:
    rounds = max(map(len, values.values()), default=0)
    return [(name, others[i]) for i in range(rounds) for name, others in values.items() if i < len(others)]


def holes_of(trials: Iterable[Trial], interpreter: Interpreter) -> dict[str, Hole]:
    """Return the searched holes that the scored trials' draws met, by name."""
    found: dict[str, Hole] = {}
    for trial in trials:
        if trial.state == "scored" and not trial.draws.keys() <= found.keys():
            draw = Noting(Fixed(trial.draws))
            interpreter.network(draw)
            found |= draw.holes
    return found


def is_unseen(one: Trial, other: Trial, judge: ClosedJudge) -> bool:
    """Return whether two networks differ only in holes that no objective sees.

    Each hole that both have and fill otherwise is changed by itself, in the first network, to what the second has: if
    every objective stays what it was each time, none of these holes is seen.
    """
    differing = {name for name in one.draws.keys() & other.draws.keys() if one.draws[name] != other.draws[name]}
    if not differing:
        return False
    try:
        own = judge.values(judge.interpreter.network(Fixed(one.draws)))
        changed = (judge.interpreter.network(Changed(one.draws, name, other.draws[name])) for name in sorted(differing))
        return all(judge.values(network) == own for network in changed)
    except ArchlabError:
        return False


def unseen_by(stage: Stage, interpreter: Interpreter) -> Unseen:
    """Return the test of whether two networks differ only in what a stage's objectives do not see.

    Where one of these is no closed form it is never said: such an objective may see anything.
    """
    if not all(is_closed_form(goal, stage) for goal in stage.goals):
        return lambda *_: False
    judge = ClosedJudge([stage], interpreter)
    return lambda one, other: is_unseen(one, other, judge)
