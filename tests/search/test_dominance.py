from __future__ import annotations

import doctest
import random

import pytest

from archlab.search import dominance
from archlab.search.dominance import find_front


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], []),
        ([(1.0,)], [0]),
        ([(1.0,), (3.0,), (3.0,), (2.0,)], [1, 2]),
        # Better in one and worse in the other: neither beats the other.
        ([(0.0, 1.0), (1.0, 0.0)], [0, 1]),
        # As large in one and larger in the other: beaten.
        ([(1.0, 1.0), (1.0, 2.0)], [1]),
        ([(2.0, 1.0), (1.0, 1.0)], [0]),
        # Three objectives: the third point is beaten by the first alone, the fourth by none.
        ([(3.0, 1.0, 2.0), (1.0, 3.0, 2.0), (2.0, 1.0, 2.0), (0.0, 0.0, 3.0)], [0, 1, 3]),
        ([(float("inf"), 0.0), (1.0, 0.0), (0.0, float("-inf"))], [0]),
    ],
)
def test_the_front_by_hand(points, front):
    assert find_front(points) == front


def test_the_front_is_what_its_definition_says():
    rng = random.Random(0)
    for objectives in (1, 2, 3, 4):
        points = [tuple(rng.randint(0, 5) for _ in range(objectives)) for _ in range(80)]
        expected = [
            i
            for i, p in enumerate(points)
            if not any(
                all(a >= b for a, b in zip(q, p, strict=True)) and any(a > b for a, b in zip(q, p, strict=True))
                for q in points
            )
        ]
        assert find_front(points) == expected


def test_the_docstrings_example_holds():
    assert doctest.testmod(dominance).failed == 0
