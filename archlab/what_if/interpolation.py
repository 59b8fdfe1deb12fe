"""What each operator of an opened text costs, as polynomials in its widths and kernels; and which operators repeat."""

from __future__ import annotations

import random
from collections.abc import Sequence

from archlab.what_if.operator_costs import Operator
from archlab.what_if.polynomials import Fit, Monomial, Polynomial, monomials
from archlab.what_if.slider_space import InexactError, Setting, SliderSpace
from archlab.what_if.sliders import Slider

_MORE = 6
"""Draws beyond half as many again as there are coefficients; all must agree."""

_DRAWS = 8
_MOST_MONOMIALS = 200
_DEGREES = {"params": 2, "macs": 2, "live": 1}


def find_repeats(space: SliderSpace, sliders: Sequence[Slider], rng: random.Random) -> list[tuple[int, ...]]:
    """Return for each operator, where all depths are 2, those depths without which it would not be there.

    Raises:
        InexactError: a depth adds operators in several places.
    """
    # Several draws: in one of them what follows the copies may by chance be like them.
    draws = [{s.name: rng.choice(s.values) for s in sliders} | _twice(sliders) for _ in range(_DRAWS)]
    wholes = [space.operators(draw) for draw in draws]
    found: list[tuple[int, ...]] = [()] * len(wholes[0])
    for number, slider in enumerate(sliders):
        if slider.kind != "depth":
            continue
        pairs = [(whole, space.operators({**draw, slider.name: 1})) for whole, draw in zip(wholes, draws, strict=True)]
        start = min(_first_difference(whole, once) for whole, once in pairs)
        end = start + len(found) - len(pairs[0][1])
        if any(whole[:start] + whole[end:] != once for whole, once in pairs):
            raise InexactError([slider.name], "its copies do not stand in a row")
        found[start:end] = [(*depths, number) for depths in found[start:end]]
    return found


def _first_difference(a: Sequence[object], b: Sequence[object]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _twice(sliders: Sequence[Slider]) -> dict[str, int]:
    return {slider.name: 2 for slider in sliders if slider.kind == "depth"}


class Interpolation:
    """Finds the polynomials of operators from draws in which all depths are 2."""

    def __init__(self, space: SliderSpace, sliders: Sequence[Slider], rng: random.Random) -> None:
        self.sliders = sliders
        self.free = [i for i, slider in enumerate(sliders) if slider.kind != "depth"]
        self._fits: dict[tuple[Monomial, ...], Fit] = {}
        self._known: dict[tuple[tuple[Monomial, ...], tuple[int, ...]], Polynomial | None] = {}
        self._twice = _twice(sliders)
        self._space = space
        self._depends = self._dependencies()
        size = max((len(self._basis(i, quantity)) for i, quantity in self._depends), default=1)
        # Kernels take turns, so that each of their few values meets enough widths.
        draws = [
            {s.name: s.values[n % len(s.values)] if s.kind == "kernel" else rng.choice(s.values) for s in sliders}
            for n in range(size + size // 2 + _MORE)
        ]
        self._points = [[draw[s.name] for s in sliders] for draw in draws]
        self._rows = [self._operators(draw) for draw in draws]

    def polynomial(self, number: int, quantity: str) -> Polynomial:
        """Return ``params``, ``macs`` or ``live`` of an operator.

        Raises:
            InexactError: it is no polynomial.
        """
        basis = self._basis(number, quantity)
        values = tuple(getattr(row[number], quantity) for row in self._rows)
        if (basis, values) not in self._known:
            if basis not in self._fits:
                self._fits[basis] = Fit(basis, self._points)
            self._known[basis, values] = self._fits[basis].of(values)
        found = self._known[basis, values]
        if found is None:
            names = [self.sliders[i].name for i in self._depends[number, quantity]]
            raise InexactError(names, "the costs are no polynomial in it")
        return found

    def _operators(self, setting: Setting) -> list[Operator]:
        return self._space.operators({**setting, **self._twice})

    def _dependencies(self) -> dict[tuple[int, str], tuple[int, ...]]:
        """Return for each operator and quantity the sliders on which it depends."""
        own = self._operators({})
        found: dict[tuple[int, str], tuple[int, ...]] = {(i, q): () for i in range(len(own)) for q in _DEGREES}
        for slider in self.free:
            values = self.sliders[slider].values
            for value in {values[0], values[-1]} - {self.sliders[slider].default}:
                for i, (before, now) in enumerate(
                    zip(own, self._operators({self.sliders[slider].name: value}), strict=True)
                ):
                    for quantity in _DEGREES:
                        if getattr(before, quantity) != getattr(now, quantity):
                            found[i, quantity] = tuple(sorted({*found[i, quantity], slider}))
        return found

    def _basis(self, number: int, quantity: str) -> tuple[Monomial, ...]:
        needed = self._depends[number, quantity]
        widths = [i for i in needed if self.sliders[i].kind == "width"]
        kernels = [i for i in needed if self.sliders[i].kind == "kernel"]
        basis = tuple(monomials(widths, kernels, _DEGREES[quantity]))
        if len(basis) > _MOST_MONOMIALS:
            raise InexactError([self.sliders[i].name for i in needed], "too many numbers meet in one operator")
        return basis
