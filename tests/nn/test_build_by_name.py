"""``build`` and ``recount`` take a network, or what names one, as they take its graph."""

from __future__ import annotations

import pytest
import torch

import archlab

TEXT = "net n(input=3x8x8)\ns: conv({8, 16}) -> gap -> fc(4)\n"


def test_a_graph_a_network_an_architecture_and_a_text_build_the_same_module():
    network = archlab.elaborate(TEXT)
    states = [
        archlab.build(source, seed=1).state_dict() for source in (network.graph, network, archlab.parse(TEXT), TEXT)
    ]
    for state in states[1:]:
        assert state.keys() == states[0].keys()
        assert all(torch.equal(state[name], states[0][name]) for name in state)
    assert archlab.recount(network) == archlab.recount(network.graph) == archlab.recount(TEXT)


@pytest.mark.parametrize(("source", "seed"), [(torch.nn.Linear(2, 2), 0), (None, 0), ("no_such_net", 0), (TEXT, "1")])
def test_what_cannot_be_built_is_refused_in_words(source, seed):
    with pytest.raises(archlab.InputError, match=r"is no architecture|neither a shipped|the seed must be"):
        archlab.build(source, seed)
