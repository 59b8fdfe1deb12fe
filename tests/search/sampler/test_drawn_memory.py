"""Networks that are drawn again are found by what fills their holes, and nothing else changes."""

from __future__ import annotations

import random

import pytest

from archlab.cost import Budget
from archlab.elaborate import Random
from archlab.search.counter import Counter
from archlab.search.sampler.drawer import Drawer
from archlab.search.sampler.drawn_memory import DrawnMemory
from tests.search.conftest import TINY
from tests.search.sampler.spaces import interpreter_of

FIELDS = ("holes", "costs", "fill", "features", "key", "below")


def fresh():
    return Drawer(Counter(interpreter_of(TINY), Budget((("macs", 40e3),))))


@pytest.mark.parametrize("most", [5000, 7])
def test_a_network_drawn_again_is_what_it_was_when_it_was_counted(most):
    drawer, rng, other = fresh(), random.Random(3), random.Random(3)
    drawer._memory = DrawnMemory(most)
    met = set()
    for _ in range(150):
        counted, alone = drawer.draw_randomly(rng), fresh().draw_randomly(other)
        assert [getattr(counted, name) for name in FIELDS] == [getattr(alone, name) for name in FIELDS]
        assert list(counted.holes) == list(alone.holes), "in the order in which they are met"
        assert rng.getstate() == other.getstate(), "a draw that is found asks for nothing more, and nothing less"
        assert most < 5000 or (counted.network is None) == (counted.key in met)
        met.add(counted.key)
    assert len(met) == 36, "all of the space"


def test_networks_that_begin_alike_are_told_apart():
    drawer, rng, memory = fresh(), random.Random(0), DrawnMemory()
    kept = {}
    for _ in range(60):
        counted = drawer.draw_randomly(rng)
        found = memory.find(Random(random.Random(0)))
        assert found is None or found is kept[found.key]
        if counted.key not in kept:
            kept[counted.key] = counted
            memory.keep(counted)
        for key, each in kept.items():
            assert memory.find(lambda hole, values=dict(key): values[hole.name]) is each
