"""Which moments of the running order can be the peak of memory."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from archlab.what_if.polynomials import Polynomial, value_at
from archlab.what_if.sliders import Position, Slider


def undominated(moments: Sequence[Position], sliders: Sequence[Slider]) -> tuple[Position, ...]:
    """Return the moments at which more can be alive than at any other, whatever the setting.

    A moment is left out where another that is there whenever it is has never less alive.
    """
    default = [slider.default for slider in sliders]
    distinct: dict[object, Position] = {}
    for moment in moments:
        distinct.setdefault((tuple(sorted(moment.live.items())), moment.repeats), moment)
    largest_first = sorted(distinct.values(), key=lambda m: (-value_at(m.live, default), len(m.repeats)))
    kept: list[Position] = []
    for moment in largest_first:
        if not any(_dominates(other, moment, sliders) for other in kept):
            kept = [other for other in kept if not _dominates(moment, other, sliders)]
            kept.append(moment)
    return tuple(kept)


def _dominates(a: Position, b: Position, sliders: Sequence[Slider]) -> bool:
    return set(a.repeats) <= set(b.repeats) and _least_difference(a.live, b.live, sliders) >= 0


def _least_difference(a: Polynomial, b: Polynomial, sliders: Sequence[Slider]) -> Fraction:
    """Return a bound below ``a - b`` over all settings, which is the least where both are linear."""
    least = Fraction(0)
    for monomial in {*a, *b}:
        factor = a.get(monomial, Fraction(0)) - b.get(monomial, Fraction(0))
        value = 1
        for i, power in monomial:
            value *= (sliders[i].values[0] if factor > 0 else sliders[i].values[-1]) ** power
        least += factor * value
    return least
