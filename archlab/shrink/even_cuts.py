"""Even cuts: draws within a budget that cut all trunk widths by one factor, and all inner widths by another.

A line through a space of many widths, from cutting inside blocks alone to cutting the trunk alone; one factor for both
lies on it. A search that starts on it needs not find by chance that widths go together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archlab.elaborate import Fixed, Interpreter, Network, Value
from archlab.search.trial_draw import Noting
from archlab.shrink.widen import Draws, values_of
from archlab.what_if.open_holes import INNER, TRUNK

CUTS = 6
_WIDTH = re.compile(rf"_({TRUNK}|{INNER})(_\d+)?$")
_HALVINGS = 12


def even_cuts(interpreter: Interpreter, allowed: Callable[[Network], bool]) -> tuple[Draws, ...]:
    """Return draws of a space that ``open_holes`` made around a network, as wide as ``allowed`` lets them be.

    At most ``CUTS``, each another, from the widest trunk to the narrowest; holes other than widths are at their
    largest. None where cutting widths alone is not enough.
    """
    noted = Noting(Fixed({}))
    interpreter.network(noted)
    widths = {
        name: (kind[1], [value for value in values_of(hole) if isinstance(value, int | float)])
        for name, hole in noted.holes.items()
        if (kind := _WIDTH.search(name))
    }

    def drawn(trunk: float, inner: float) -> Draws:
        shares = {TRUNK: trunk, INNER: inner}
        return {name: _at_most(values, shares[kind]) for name, (kind, values) in widths.items()}

    def fits(trunk: float, inner: float) -> bool:
        return allowed(interpreter.network(Fixed(drawn(trunk, inner))))

    narrowest = _largest(lambda trunk: fits(trunk, 1.0))
    found: dict[tuple[tuple[str, Value], ...], Draws] = {}
    for i in range(CUTS):
        trunk = 1 - (1 - narrowest) * i / (CUTS - 1)
        inner = _largest(lambda inner, trunk=trunk: fits(trunk, inner))  # type: ignore[misc]
        if fits(trunk, inner):
            draws = drawn(trunk, inner)
            found.setdefault(tuple(sorted(draws.items())), draws)
    return tuple(found.values())


def _largest(fits: Callable[[float], bool]) -> float:
    """Return the largest share that fits, to a few thousandths; 0 where none was found to."""
    if fits(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _at_most(values: Sequence[float], share: float) -> float:
    """Return the largest value up to a share of the last, or else the first."""
    return max((value for value in values if value <= share * values[-1]), default=values[0])
