"""Alignment against all ways of aligning, counted one by one; and what is done where these are too many."""

from __future__ import annotations

import math
import random

import pytest

from archlab.structure import align as module
from archlab.structure.align import align


def change(x: str, y: str) -> float:
    return 0.0 if x == y else 1.0 if x.lower() == y.lower() else 3.0


def gap(x: str) -> float:
    return 1.25


def cheapest(a: str, b: str) -> float:
    """The cost of the best alignment, by trying all."""
    if not a or not b:
        return 1.25 * (len(a) + len(b))
    return min(
        cheapest(a[1:], b[1:]) + change(a[0], b[0]), cheapest(a[1:], b) + gap(a[0]), cheapest(a, b[1:]) + gap(b[0])
    )


def cost_of(pairs: list) -> float:
    return sum(change(*pair) if None not in pair else gap("") for pair in pairs)


@pytest.mark.parametrize("seed", range(40))
def test_the_cheapest_alignment(seed: int):
    random.seed(seed)
    a, b = ("".join(random.choices("aAbB", k=random.randrange(6))) for _ in range(2))
    cost, pairs = align(a, b, change, gap)
    assert math.isclose(cost_of(pairs), cost)
    assert "".join(x for x, _ in pairs if x) == a
    assert "".join(y for _, y in pairs if y) == b
    # What is equal at both ends is paired first, which never costs more where a change costs less than two gaps.
    assert math.isclose(cost, cheapest(a, b))


def test_what_can_be_no_pair_is_left_out_and_added():
    cost, pairs = align("ab", "xb", lambda x, y: 0.0 if x == y else math.inf, gap)
    assert (cost, pairs) == (2.5, [("a", None), (None, "x"), ("b", "b")])


def test_long_series_keep_what_is_equal(monkeypatch):
    monkeypatch.setattr(module, "MOST_CELLS", 0)
    cost, pairs = align("abcd", "xbd", change, gap)
    assert pairs == [("a", "x"), ("b", "b"), ("c", None), ("d", "d")]
    assert cost == 3.0 + 1.25
