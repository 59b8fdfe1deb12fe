"""Features of neighbouring layers: by hand, against a network's graph, and apart where sums are not."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

import archlab
from archlab.graph_features import GraphFeatures
from archlab.search.pair_features import BEFORE, KINDS, PAIR_FEATURES, PairFeatures, kind_of

CELL = """net n(input=8x8x8)
block edge() = {identity, conv(in, 1), conv(in, 3), conv(in, 5, g=in), avgpool(3, s=1), zero}
block cell() = identity as n0 -> edge as n1 -> add(n0 -> edge, n1 -> edge) as n2
    -> add(n0 -> edge, n1 -> edge, n2 -> edge)
body: repeat(2, cell) -> gap -> fc(3)
"""
SPACES = ["resnet18", "mobilenet_v2", "densenet121", "shufflenet_v2", "inception_v3", "nasbench_macro"]


def by_hand(graph):
    """Count what stands before each layer, as many times as there are ways to it without a layer."""
    before = {"input": Counter({"input": 1})}
    counted = Counter()
    for node in graph:
        here = sum((before[name] for name in node.inputs), Counter())
        if (kind := kind_of(node)) is not None:
            counted.update({f"{name}, {KINDS[kind]}": count for name, count in here.items()})
            here = Counter({KINDS[kind]: 1})
        before[node.name] = here
    return tuple(math.log1p(counted[name]) for name in PAIR_FEATURES)


def test_features_are_those_that_are_counted_on_the_graph():
    interpreter = archlab.Interpreter(archlab.load_space(CELL))
    features = PairFeatures()
    rng, tried = random.Random(0), 0
    while tried < 40:
        try:
            network = interpreter.network(archlab.Random(rng))
        except archlab.ArchlabError:
            continue
        found = features(network)  # as in a search, before its graph is made
        tried += 1
        assert found == by_hand(network.graph), network.draws
        assert PairFeatures()(network) == found, "whether its parts are made or not"


@pytest.mark.parametrize("name", SPACES)
def test_features_of_reference_networks_are_those_of_their_graphs(name):
    network = archlab.Interpreter(archlab.load_space(name)).network(archlab.Fixed({}))
    assert PairFeatures()(network) == by_hand(network.graph)


def test_pairs_of_a_small_network_by_hand():
    text = (
        "net n(input=8x8x8)\nm: conv(8) -> add(conv(8, 1), conv(8, 5, g=8), identity) -> maxpool(2) -> gap -> fc(2)\n"
    )
    found = PairFeatures()(archlab.elaborate(archlab.parse(text)))
    assert {name: round(math.expm1(value)) for name, value in zip(PAIR_FEATURES, found, strict=True) if value} == {
        "input, conv to 3x3": 1, "conv to 3x3, conv 1x1": 1, "conv to 3x3, larger depthwise": 1,
        "conv to 3x3, pooling": 1, "conv 1x1, pooling": 1, "larger depthwise, pooling": 1,
        "pooling, linear": 1}  # fmt: skip


def test_placings_of_the_same_operators_are_told_apart():
    one = "net n(input=8x8x8)\nbody: conv(8) -> conv(8, 1) -> conv(8) -> conv(8, 1)\n"
    other = "net n(input=8x8x8)\nbody: conv(8) -> conv(8) -> conv(8, 1) -> conv(8, 1)\n"
    first, second = (archlab.elaborate(archlab.parse(text)) for text in (one, other))
    assert GraphFeatures()(first) == GraphFeatures()(second)
    assert PairFeatures()(first) != PairFeatures()(second)


def test_a_detectors_features_are_its_backbones():
    network = archlab.Interpreter(archlab.load_space("detection")).network(archlab.Fixed({}))
    assert PairFeatures()(network) == PairFeatures()(network.without_detector)


@pytest.mark.parametrize("doublings", [31, 60])
def test_more_ways_than_a_digit_holds_stay_numbers(doublings):
    ways = "add(identity, identity) -> " * doublings
    pools = ", ".join(["maxpool(3, s=1)"] * 3)
    found = PairFeatures()(
        archlab.elaborate(archlab.parse(f"net n(input=2x8x8)\nbody: {ways}add({pools}) -> conv(2)\n"))
    )
    assert len(found) == len(KINDS) * len(BEFORE)
    assert all(0 <= value <= 32 * math.log(2) for value in found)
