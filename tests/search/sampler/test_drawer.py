"""What a drawn network is known by."""

from __future__ import annotations

import archlab
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
