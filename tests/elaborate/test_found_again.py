"""What draws find again by the vars that they read gives the same networks as elaborating each for itself."""

from __future__ import annotations

import random

import pytest

from archlab.cost import by_block, by_stage, cost
from archlab.elaborate import Fixed, Interpreter, Random, load
from archlab.elaborate.lifetimes import SettledFragment
from archlab.elaborate.unfold import Unfolder
from archlab.errors import ArchlabError
from archlab.grammar import parse, parse_file
from archlab.graph_features import GraphFeatures
from benchmarks.nasbench201 import SPACE

CELL = """net cell(input=3x16x16)
var w = {8, 16}
var k = {3, 5}
block op() = relu -> separable(in, k)
block inner(c) = conv(c, {1, 3}, act=none)
var a = {zero, identity, op, maxpool(3, s=1)}
var b = {zero, identity, op, conv(in, 1)}
var c = {zero, identity, conv(in, k), avgpool(3, s=1)}
var d = {zero, identity, op, {conv(in, 3), conv(in, 1)}, inner(in)}
block two(m) = conv(m, 1) as i -> conv(m, 3) as j -> add(i -> a, j -> b, c) as n -> cat(n -> c, i -> d, add(j, j -> a))
block cell(m) = two(m)
block drawn(m) = conv(m, {1, 3}) as i -> add(i -> a, i, conv(m, 1) -> b)
stem: conv(w)
s1: repeat({1, 2}, cell(w))
s2: conv(2 * w, s=2) -> cell(w) -> each(2, drawn(2 * w)) -> cell(w)
head: cat(identity, s2) -> gap -> fc(10)
"""
SPACES = {"cell": parse(CELL), "nasbench201": parse_file(SPACE)}


def counted(network, features):
    """All that a search asks of a network, its pieces last, which are made only for that."""
    before = (cost(network), features(network), network.digest)
    return (*before, by_stage(network), by_block(network), network.graph.digest, GraphFeatures()(network))


def draws_of(interpreter, count):
    """Draws that describe networks, each twice, apart from each other."""
    rng, found = random.Random(0), []
    while len(found) < count:
        try:
            found.append(dict(interpreter.network(Random(rng)).draws))
        except ArchlabError:
            continue
    return found + found[: count // 2]


@pytest.mark.parametrize("name", SPACES)
def test_networks_are_those_of_an_interpreter_of_their_own(name):
    shared, features = Interpreter(load(SPACES[name])), GraphFeatures()
    for draws in draws_of(shared, 120):
        found = counted(shared.network(Fixed(draws)), features)
        alone = counted(Interpreter(load(SPACES[name])).network(Fixed(draws)), GraphFeatures())
        assert found == alone
        assert found[1] == found[-1], "to the last bit, before its pieces are made and after"
        assert found[2] == found[-2], "the digest of its graph, without making it"


def test_holes_are_met_in_the_same_order():
    shared = Interpreter(load(SPACES["cell"]))
    for draws in draws_of(shared, 60):
        alone = Interpreter(load(SPACES["cell"])).network(Fixed(draws))
        assert list(shared.network(Fixed(draws)).draws.items()) == list(alone.draws.items())


def test_joins_that_differ_by_few_vars_are_unfolded_a_few_times_only():
    unfolded = []

    class Counting(Unfolder):
        def _joined(self, call, scope, x):
            unfolded.append(call.name)
            return super()._joined(call, scope, x)

    interpreter = Interpreter(load(SPACES["nasbench201"]), Counting)
    draws = draws_of(interpreter, 600)[:600]
    unfolded.clear()
    for each in draws:
        interpreter.network(Fixed(each))
    # A cell has two joins, in each of three stages.
    assert len(unfolded) < 0.1 * 600 * 2 * 3


def test_parts_are_made_when_they_are_asked_for():
    network = Interpreter(load(SPACES["nasbench201"])).network(Fixed({"e01": "act_conv(3)", "e13": "act_conv(1)"}))
    (_, cell), *copies = dict(network.stages)["cells1"].parts
    assert isinstance(cell, SettledFragment)
    assert all(copy is cell for _, copy in copies)
    features, digest = GraphFeatures()(network), network.digest
    assert cell.left is not None, "neither features nor the digest need them"
    assert sum(part.macs for _, part in cell.parts) == cell.macs
    assert cell.left is None
    assert (GraphFeatures()(network), network.graph.digest) == (features, digest)
