"""Draws in closed form: even cuts, and what lies between two draws.

An even cut narrows all trunk widths by one factor, and all inner widths by another: a line through a space of many
widths, from cutting inside blocks alone to cutting the trunk alone. A search that starts on it needs not find by chance
that widths go together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from archlab.elaborate import Fixed, Interpreter, Network
from archlab.search.counter import Counter
from archlab.search.trial_draw import Noting
from archlab.shrink.widen import Draws, values_of
from archlab.what_if.open_holes import INNER, TRUNK

CUTS = 6
_WIDTH = re.compile(rf"_({TRUNK}|{INNER})(_\d+)?$")
_HALVINGS = 12


def even_cuts(counter: Counter) -> tuple[Draws, ...]:
    """Return draws of a space that ``open_holes`` made around a network, as wide as its budget lets them be.

    At most ``CUTS``, each another, from the widest trunk to the narrowest; holes other than widths are at their
    largest. None where cutting widths alone is not enough.
    """
    interpreter = counter.interpreter
    widths = _widths(interpreter)

    def drawn(trunk: float, inner: float) -> Network:
        shares = {name: trunk if _WIDTH.search(name)[1] == TRUNK else inner for name in widths}  # type: ignore[index]
        return interpreter.network(Fixed(_at_most(widths, shares)))

    def allowed(network: Network) -> bool:
        return counter.count(network).allowed

    narrowest = _largest(lambda trunk: allowed(drawn(trunk, 1.0)))
    found: dict[str, Draws] = {}
    for i in range(CUTS):
        trunk = 1 - (1 - narrowest) * i / (CUTS - 1)
        network = drawn(trunk, _largest(lambda inner, trunk=trunk: allowed(drawn(trunk, inner))))  # type: ignore[misc]
        if allowed(network):
            found.setdefault(network.digest, dict(network.draws))
    return tuple(found.values())


def between(counter: Counter, one: Draws, other: Draws, share: float) -> Draws | None:
    """Return what lies a share of the way from one draw to another in each width, as wide as the budget lets it be.

    Holes other than widths are as in ``other``, and so is a width that one of them has not. None where nothing fits.
    """
    interpreter = counter.interpreter
    widths = {name: values for name, values in _widths(interpreter).items() if name in one and name in other}
    mean = {
        name: ((1 - share) * float(one[name]) + share * float(other[name])) / values[-1]
        for name, values in widths.items()
    }

    def drawn(factor: float) -> Network:
        # Up to twice as wide, since the mean of two that use a budget may use less of it.
        shares = {name: 2 * factor * part for name, part in mean.items()}
        return interpreter.network(Fixed({**other, **_at_most(widths, shares)}))

    network = drawn(_largest(lambda factor: counter.count(drawn(factor)).allowed))
    return dict(network.draws) if counter.count(network).allowed else None


def _widths(interpreter: Interpreter) -> dict[str, list[float]]:
    """Return the values of each width of the default draw, in order."""
    noted = Noting(Fixed({}))
    interpreter.network(noted)
    return {
        name: [value for value in values_of(hole) if isinstance(value, int | float)]
        for name, hole in noted.holes.items()
        if _WIDTH.search(name)
    }


def _largest(fits: Callable[[float], bool]) -> float:
    """Return the largest share that fits, to a few thousandths; 0 where none was found to."""
    if fits(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _at_most(widths: Mapping[str, Sequence[float]], shares: Mapping[str, float]) -> dict[str, float]:
    """Return for each width its largest value up to a share of the last, or else the first."""
    return {
        name: max((value for value in values if value <= shares[name] * values[-1]), default=values[0])
        for name, values in widths.items()
    }
