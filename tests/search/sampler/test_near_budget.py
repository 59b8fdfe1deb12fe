"""Draws close under a budget."""

from __future__ import annotations

import itertools
import random

import pytest

from archlab.cost import Budget
from archlab.elaborate import Interpreter, load
from archlab.grammar import parse_file
from archlab.resources import find_architecture
from archlab.search.counter import Counter, costs_of
from archlab.search.sampler.counted_network import Kept
from archlab.search.sampler.drawer import Drawer
from archlab.search.sampler.near_budget import WAYS, Band, NearBudget
from tests.search.sampler.spaces import WIDTHS, interpreter_of


@pytest.mark.parametrize("way", WAYS)
def test_each_way_leads_into_the_shell(way):
    interpreter = interpreter_of(WIDTHS)
    band = Band(0.85)
    drawer = Drawer(Counter(interpreter, Budget((("macs", 3e6),))))
    drawn = itertools.islice(WAYS[way](drawer, band, random.Random(0)), 600)
    inside = [c for c, _ in drawn if c is not None and not band.distance(c.fill)]
    assert len(inside) >= 10
    for candidate in inside:
        assert 0.85 * 3e6 <= costs_of(candidate.network)["macs"] <= 3e6


@pytest.mark.parametrize("way", WAYS)
def test_each_way_says_which_of_its_draws_are_random(way, monkeypatch):
    drawer = Drawer(Counter(interpreter_of(WIDTHS), Budget((("macs", 3e6),))))
    made, draw = [], drawer.draw_randomly
    monkeypatch.setattr(drawer, "draw_randomly", lambda rng: made.append(draw(rng)) or made[-1])
    drawn = list(itertools.islice(WAYS[way](drawer, Band(0.85), random.Random(0)), 200))
    assert [c and c.key for c, randomly in drawn if randomly] == [c and c.key for c in made]
    assert all(randomly for _, randomly in drawn) == (way == "rejection")


def test_solving_needs_a_multiplier_and_beats_rejection_where_there_is_one():
    interpreter = Interpreter(load(parse_file(find_architecture("resnet50"))))
    shell = NearBudget(Drawer(Counter(interpreter, Budget((("macs", 1.2e9),)))), Band(0.85))
    list(shell.draw(random.Random(0), 600))
    rate = {way: shell.found[way] / shell.draws[way] for way in WAYS}
    assert max(rate, key=rate.__getitem__) == "solving"
    assert shell.draws["solving"] > 300, "what yields most is drawn most"


def test_networks_are_kept_without_their_operators_and_drawn_again_for_their_digest():
    interpreter = interpreter_of(WIDTHS)
    drawer, rng = Drawer(Counter(interpreter)), random.Random(0)
    kept = Kept()
    drawn = [drawer.draw_randomly(rng) for _ in range(5)]
    for counted in drawn:
        kept.add(counted, rng)
    assert all(counted.network is None for counted in kept.networks)
    assert [drawer.digest(c) for c in kept.networks] == [c.network.digest for c in drawn]
    assert [c.params for c in kept.networks] == [c.params for c in drawn]
