"""What a drawn network is known by."""

from __future__ import annotations

import gc
import random
import weakref

import pytest

import archlab
from archlab.cost import Budget
from archlab.elaborate import Fixed
from archlab.graph_features import FEATURES
from archlab.search.counter import Counter
from archlab.search.sampler.drawer import Drawer


def test_the_same_layers_in_other_places_are_another_network_to_the_surrogate():
    text = "net n(input=8x8x8)\nvar way = {one, other}\nblock one() = add(conv(8) -> conv(8), identity)\n"
    text += "block other() = add(conv(8), conv(8))\nbody: way -> conv(8, 1)\n"
    counter = Counter(archlab.Interpreter(archlab.load_space(text)))
    deep, flat = (Drawer(counter).from_params({"way": way}) for way in ("one", "other"))
    assert deep.features[: len(FEATURES)] == flat.features[: len(FEATURES)]
    assert deep.features != flat.features
    deep, flat = (Drawer(counter, paths=False).from_params({"way": way}) for way in ("one", "other"))
    assert deep.features == flat.features


def test_a_network_over_the_budget_gets_its_features_when_they_are_asked_for():
    interpreter = archlab.Interpreter(archlab.load_space("net n(input=8x8x8)\nbody: conv({8, 16})\n"))
    small, large = (interpreter.network(Fixed({"body.conv.c": channels})) for channels in (8, 16))
    drawer = Drawer(Counter(interpreter, Budget((("macs", archlab.cost(small).macs),))))
    within, over = (drawer.from_params(network.draws) for network in (small, large))
    assert within.fill == 1
    assert within.features is not None
    assert over.fill > 1
    assert over.features is None
    without = Drawer(Counter(interpreter))
    for counted in (within, over, over.light):
        assert drawer.features(counted) == without.from_params(counted.params).features


@pytest.mark.parametrize(
    "text",
    [
        "net n(input=8x8x8)\nbody: conv([8..64]) as a -> add(conv(in), a)\n",
        "net n(input=3x32x32)\nbody: conv([8..64], s=2) -> conv(64, s=2)\n"
        "detect: fpn(32) -> roi_align(7) -> box_head(64, classes=3)\n",
    ],
)
def test_what_is_drawn_goes_as_soon_as_nothing_has_it(text):
    drawer = Drawer(Counter(archlab.Interpreter(archlab.load_space(text))))
    gc.disable()
    try:
        counted = drawer.draw_randomly(random.Random(0))
        drawer.digest(counted)
        network = weakref.ref(counted.network)
        del counted
        assert network() is None
    finally:
        gc.enable()
