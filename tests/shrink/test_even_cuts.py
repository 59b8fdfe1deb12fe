"""Draws that a search below a network begins with: the trunk cut by one factor, what is inside blocks by another."""

from __future__ import annotations

import random

import pytest

from archlab.cost import Budget
from archlab.elaborate import Fixed, Interpreter, Random, load
from archlab.search.counter import Counter
from archlab.shrink.even_cuts import CUTS, between, even_cuts
from archlab.what_if.open_holes import open_holes
from archlab.what_if.reach import BELOW

NET = """net n(input=3x16x16)
block unit(c, m) = residual(conv(m, 3) -> conv(c, 3, act=none)) -> relu
stem: conv(32, 3)
a: unit(32, 32) -> unit(32, 32)
head: gap -> fc(3)
"""
FULL = 256 * (27 * 32 + 4 * 9 * 32 * 32) + 32 * 3


def interpreter(text=NET, kinds=("width", "inner")):
    return Interpreter(load(open_holes(text, kinds, BELOW)))


def macs_of(network):
    return sum(node.macs for node in network.graph)


def within(share, space=None, full=FULL):
    return Counter(space or interpreter(), Budget((("macs", share * full),)))


def by_hand(trunk, inner):
    """Multiply-accumulates: the stem, and two units of two convolutions each."""
    return 256 * (27 * trunk + 4 * 9 * trunk * inner) + trunk * 3


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_cuts_go_from_the_whole_trunk_to_whole_blocks_as_wide_as_allowed(share):
    counter = within(share)
    space, cuts = counter.interpreter, even_cuts(counter)
    assert 2 < len(cuts) <= CUTS
    trunks = [cut["stem_width"] for cut in cuts]
    assert trunks == sorted(trunks, reverse=True)
    assert trunks[0] == 32
    assert max(cut["a_inner"] for cut in cuts) == cuts[-1]["a_inner"] == 32
    for cut in cuts:
        assert cut["a_inner"] == cut["a_inner_2"]
        macs = macs_of(space.network(Fixed(cut)))
        assert macs == by_hand(cut["stem_width"], cut["a_inner"]) <= share * FULL
        step = 2  # of widths of 32
        assert cut["a_inner"] == 32 or by_hand(cut["stem_width"], cut["a_inner"] + step) > share * FULL


def test_a_space_of_trunks_alone_has_one_cut_and_one_without_widths_none():
    (cut,) = even_cuts(within(0.5, interpreter(kinds=("width",))))
    assert cut == {"stem_width": 16}
    deep = interpreter(NET.replace("unit(32, 32) -> unit(32, 32)", "repeat(4, conv(32, 3))"), kinds=("depth",))
    assert even_cuts(within(0.1, deep)) == ()


def test_no_budget_has_one_cut_the_network_and_too_small_a_one_has_none():
    assert even_cuts(Counter(interpreter())) == ({"stem_width": 32, "a_inner": 32, "a_inner_2": 32},)
    assert even_cuts(within(0.01)) == ()


def test_depths_and_kernels_stay():
    text = NET.replace("unit(32, 32) -> unit(32, 32)", "repeat(3, conv(32, 5))")
    space = interpreter(text, kinds=("width", "depth", "kernel"))
    full = macs_of(space.network(Fixed({})))
    cuts = even_cuts(within(0.4, space, full))
    assert cuts
    for cut in cuts:
        assert cut["stem_width"] < 32
        assert {value for name, value in cut.items() if "width" not in name} == {3, 5}


def test_between_two_draws_widths_are_between_and_use_the_budget():
    counter = within(0.5)
    one, other = {"stem_width": 32, "a_inner": 14, "a_inner_2": 14}, {"stem_width": 18, "a_inner": 30, "a_inner_2": 20}
    found = between(counter, one, other, 0.5)
    assert found is not None
    macs = macs_of(counter.interpreter.network(Fixed(found)))
    assert 0.9 * 0.5 * FULL < macs <= 0.5 * FULL
    assert 18 < found["stem_width"] < 32
    assert 14 < found["a_inner_2"] < found["a_inner"] < 30
    assert between(within(0.01), one, other, 0.5) is None


def test_between_two_draws_other_holes_are_those_of_the_second():
    text = NET.replace("unit(32, 32) -> unit(32, 32)", "repeat(3, conv(32, 5))")
    space = interpreter(text, kinds=("width", "depth", "kernel"))
    full = macs_of(space.network(Fixed({})))
    two = [dict(space.network(Random(random.Random(seed))).draws) for seed in (1, 2)]
    found = between(within(0.9, space, full), *two, 0.5)
    assert {name: found[name] for name in found if "width" not in name} == {
        name: two[1][name] for name in two[1] if "width" not in name
    }
