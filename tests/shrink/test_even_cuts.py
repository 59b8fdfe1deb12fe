"""Draws that a search below a network begins with: the trunk cut by one factor, what is inside blocks by another."""

from __future__ import annotations

import pytest

from archlab.elaborate import Fixed, Interpreter, load
from archlab.shrink.even_cuts import CUTS, even_cuts
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


def within(share):
    return lambda network: macs_of(network) <= share * FULL


def by_hand(trunk, inner):
    """Multiply-accumulates: the stem, and two units of two convolutions each."""
    return 256 * (27 * trunk + 4 * 9 * trunk * inner) + trunk * 3


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_cuts_go_from_the_whole_trunk_to_whole_blocks_as_wide_as_allowed(share):
    space = interpreter()
    cuts = even_cuts(space, within(share))
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
    (cut,) = even_cuts(interpreter(kinds=("width",)), within(0.5))
    assert cut == {"stem_width": 16}
    deep = interpreter(NET.replace("unit(32, 32) -> unit(32, 32)", "repeat(4, conv(32, 3))"), kinds=("depth",))
    assert even_cuts(deep, within(0.1)) == ()


def test_no_budget_has_one_cut_the_network_and_too_small_a_one_has_none():
    assert even_cuts(interpreter(), lambda network: True) == ({"stem_width": 32, "a_inner": 32, "a_inner_2": 32},)
    assert even_cuts(interpreter(), within(0.01)) == ()


def test_depths_and_kernels_stay():
    text = NET.replace("unit(32, 32) -> unit(32, 32)", "repeat(3, conv(32, 5))")
    space = interpreter(text, kinds=("width", "depth", "kernel"))
    full = macs_of(space.network(Fixed({})))
    cuts = even_cuts(space, lambda network: macs_of(network) <= 0.4 * full)
    assert cuts
    for cut in cuts:
        drawn = space.network(Fixed(cut)).draws
        assert drawn["stem_width"] < 32
        assert {value for name, value in drawn.items() if name not in cut} == {3, 5}
