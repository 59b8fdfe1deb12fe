"""Features of the ways through a network: by hand, against its graph, and apart where sums are not."""

from __future__ import annotations

import math
import random

import pytest

import archlab
from archlab.depth import depth_of
from archlab.graph_features import GraphFeatures
from archlab.search.path_features import PATH_FEATURES, PathFeatures

CELL = """net n(input=8x8x8)
block edge() = {identity, conv(in, 1), conv(in, 3), avgpool(3, s=1), zero}
block cell() = identity as n0 -> edge as n1 -> add(n0 -> edge, n1 -> edge) as n2
    -> add(n0 -> edge, n1 -> edge, n2 -> edge)
body: repeat(2, cell)
"""


def brute_force(graph):
    """All ways from input to output, as lists of operators."""
    ways = {"input": [[]]}
    for node in graph:
        ways[node.name] = [[*way, node] for name in node.inputs for way in ways[name]]
    return ways[node.name]


def is_layer(node):
    return node.op in ("conv2d", "linear")


def expected(graph):
    ways = brute_force(graph)
    layers = [sum(map(is_layer, way)) for way in ways]
    pools = [sum("pool" in node.op for node in way) for way in ways]
    kernels = [sum(math.log(math.prod(n.weights["weight"][2:])) for n in way if is_layer(n)) for way in ways]
    means = [sum(each) / len(ways) for each in (layers, pools, kernels)]
    return (math.log(len(ways)), *(math.log1p(x) for x in (*means, max(layers), min(layers))))


def test_features_are_those_of_all_ways_enumerated():
    interpreter = archlab.Interpreter(archlab.load_space(CELL))
    features = PathFeatures()
    rng, tried = random.Random(0), 0
    while tried < 25:
        try:
            network = interpreter.network(archlab.Random(rng))
        except archlab.ArchlabError:
            continue
        found = features(network)  # as in a search, before its graph is made
        if not network.graph.nodes:
            continue
        tried += 1
        assert found == pytest.approx(expected(network.graph)), network.draws
        assert PathFeatures()(network) == pytest.approx(found), "whether its parts are made or not"
        assert len(found) == len(PATH_FEATURES)
        assert math.expm1(found[4]) == pytest.approx(depth_of(network))


def test_placings_of_the_same_operators_are_told_apart():
    flat = "net n(input=8x8x8)\nbody: add(conv(8), conv(8)) -> conv(8, 1)\n"
    deep = "net n(input=8x8x8)\nbody: add(conv(8) -> conv(8), identity) -> conv(8, 1)\n"
    one, other = archlab.elaborate(archlab.parse(flat)), archlab.elaborate(archlab.parse(deep))
    assert GraphFeatures()(one) == GraphFeatures()(other)
    assert PathFeatures()(one) != PathFeatures()(other)


def test_a_detectors_features_are_its_backbones():
    network = archlab.Interpreter(archlab.load_space("detection")).network(archlab.Fixed({}))
    assert PathFeatures()(network) == PathFeatures()(network.without_detector)
