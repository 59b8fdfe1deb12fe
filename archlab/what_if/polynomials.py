"""Polynomials with exact coefficients, found from a function's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

Monomial = tuple[tuple[int, int], ...]
"""Variables by number with their powers, such as ((0, 1), (3, 2)) for x0 x3²; empty for 1."""

Polynomial = Mapping[Monomial, Fraction]

_PRIME = 2**127 - 1


def value_at(polynomial: Polynomial, point: Sequence[int]) -> Fraction:
    """Return the value of a polynomial, its variables being ``point``.

    >>> value_at({(): Fraction(1), ((0, 2),): Fraction(3)}, [2])
    Fraction(13, 1)
    """
    return sum((factor * power_product(monomial, point) for monomial, factor in polynomial.items()), Fraction(0))


def power_product(monomial: Monomial, point: Sequence[int]) -> int:
    """Return the value of a monomial."""
    value = 1
    for variable, power in monomial:
        value *= point[variable] ** power
    return value


def add_to(total: dict[Monomial, Fraction], polynomial: Polynomial, times: Monomial = ()) -> None:
    """Add ``polynomial``, times a monomial of other variables, to ``total``."""
    for monomial, factor in polynomial.items():
        key = tuple(sorted((*monomial, *times)))
        total[key] = total.get(key, Fraction(0)) + factor
        if not total[key]:
            del total[key]


def monomials(widths: Sequence[int], squared: Sequence[int], degree: int) -> list[Monomial]:
    """Return the monomials of total degree at most ``degree`` in ``widths``, times each of ``squared`` up to twice."""
    powers = [p for p in product(range(degree + 1), repeat=len(widths)) if sum(p) <= degree]
    return [
        tuple(sorted((v, n) for v, n in (*zip(widths, p, strict=True), *zip(squared, q, strict=True)) if n))
        for p in powers
        for q in product(range(3), repeat=len(squared))
    ]


class Fit:
    """Finds the polynomial with given monomials from values at given points; the same points serve many functions.

    It computes with remainders of a large prime, from which fractions are read back: exact ones would grow to thousands
    of digits on the way. What comes of it is checked at every point without remainders.
    Where the points do not settle all coefficients, those that they leave open are 0.
    """

    def __init__(self, basis: Sequence[Monomial], points: Sequence[Sequence[int]]) -> None:
        self.basis = list(basis)
        self.rows = [[power_product(monomial, point) for monomial in self.basis] for point in points]
        self._steps: list[tuple[int, int, int, list[tuple[int, int]]]] = []
        self._eliminate()

    def _eliminate(self) -> None:
        """Note how rows combine, by Gauss and Jordan; values are combined alike later."""
        left = [[value % _PRIME for value in row] for row in self.rows]
        for column in range(len(self.basis)):
            done = len(self._steps)
            pivot = next((i for i in range(done, len(left)) if left[i][column]), None)
            if pivot is None:
                continue
            left[done], left[pivot] = left[pivot], left[done]
            inverse = pow(left[done][column], -1, _PRIME)
            own = left[done] = [value * inverse % _PRIME for value in left[done]]
            taken = [(i, row[column]) for i, row in enumerate(left) if i != done and row[column]]
            for i, factor in taken:
                left[i] = [(a - factor * b) % _PRIME for a, b in zip(left[i], own, strict=True)]
            self._steps.append((pivot, column, inverse, taken))

    def of(self, values: Sequence[int]) -> Polynomial | None:
        """Return the polynomial with these values at the points; None where there is none."""
        right = [value % _PRIME for value in values]
        for done, (pivot, _, inverse, taken) in enumerate(self._steps):
            right[done], right[pivot] = right[pivot], right[done]
            right[done] = right[done] * inverse % _PRIME
            for i, factor in taken:
                right[i] = (right[i] - factor * right[done]) % _PRIME
        found = [(column, _fraction(right[i])) for i, (_, column, _, _) in enumerate(self._steps) if right[i]]
        for row, value in zip(self.rows, values, strict=True):
            if sum((factor * row[column] for column, factor in found), Fraction(0)) != value:
                return None
        return {self.basis[column]: factor for column, factor in found}


def _fraction(remainder: int) -> Fraction:
    """Return the fraction of small numbers that has this remainder (Wang 1981, by Euclid's algorithm)."""
    before, now = (_PRIME, 0), (remainder, 1)
    while 2 * now[0] * now[0] > _PRIME:
        times = before[0] // now[0]
        before, now = now, (before[0] - times * now[0], before[1] - times * now[1])
    return Fraction(now[0], now[1]) if now[1] else Fraction(0)
