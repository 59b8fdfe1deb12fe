"""Pareto dominance: which of several points no other one beats."""

from __future__ import annotations

from collections.abc import Sequence


def find_front(points: Sequence[Sequence[float]]) -> list[int]:
    """Return the indices, in order, of the points that no other is as large as everywhere and larger somewhere.

    Larger is better. Equal points do not beat each other.

    >>> find_front([(1, 3), (2, 2), (1, 2), (3, 1), (2, 2)])
    [0, 1, 3, 4]
    """
    rows = [tuple(point) for point in points]
    front: list[int] = []
    # Whatever beats a point is before it in this order. The last of the front is the likeliest to.
    for index in sorted(range(len(rows)), key=lambda i: rows[i], reverse=True):
        if not any(_beats(rows[other], rows[index]) for other in reversed(front)):
            front.append(index)
    return sorted(front)


def _beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))
