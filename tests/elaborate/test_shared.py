"""What draws share is bounded by bytes: the oldest is forgotten, what is asked for again stays, results are equal."""

from __future__ import annotations

import gc
import itertools
import random

import pytest

from archlab.cost import cost
from archlab.elaborate import Fixed, Interpreter, Random, load, shared
from archlab.elaborate.fragment import leaf
from archlab.elaborate.shared import FRAGMENT, KEY, MET, MOST_BYTES, OPERATOR, QUESTION, Shared
from archlab.grammar import parse, parse_file
from archlab.ops import apply_op
from archlab.resources import find_architecture
from benchmarks.kept import traced

CELLS = """net cells(input=3x32x32)
block op(c) = {conv(c, 1), conv(c, 3), separable(c), separable(c, k=5), identity}
block cell(c) = add(op(c), op(c)) -> conv(c, 1) -> add(op(c), op(c)) -> conv(c, 1)
stem: conv(16)
stage1: each(3, cell(16))
stage2: conv(32, 3, s=2) -> each(3, cell(32))
head: gap -> fc(10)
"""


def total(interpreter: Interpreter) -> int:
    """The estimate of the newer half, its keys with it."""
    return interpreter.shared.size + KEY * interpreter.shared.keys.count


def alive() -> int:
    """How many parts and questions there are in the whole process."""
    gc.collect()
    return sum(type(each).__name__ in ("Fragment", "_Question") for each in gc.get_objects())


def relu(x=(3, 8, 8)):
    return leaf(apply_op("relu", [x], {}), x)


@pytest.mark.parametrize(("text", "draws"), [("cells", 150), ("mobile", 100)])
def test_the_size_is_about_what_python_allocates(text, draws):
    architecture = parse(CELLS) if text == "cells" else parse_file(find_architecture(text))
    assert 0.7 < traced(architecture, draws)["ratio"] < 1.4


def test_fresh_draws_never_keep_more_than_the_bound(monkeypatch):
    bound = 2**20
    monkeypatch.setattr(shared, "MOST_BYTES", bound)
    of_others = alive()
    interpreter, rng = Interpreter(load(parse(CELLS))), random.Random(0)
    sizes = []
    for _ in range(400):
        interpreter.network(Random(rng))
        sizes.append(total(interpreter))
    assert max(sizes) < bound / 2 + 100_000, "half, and what one draw adds"
    assert sum(after < before for before, after in itertools.pairwise(sizes)) >= 3, "several halves"
    assert (alive() - of_others) * 100 < 4 * bound, "what is forgotten is given back"


def test_the_bound_is_that_of_a_worker():
    assert MOST_BYTES == 128 * 2**20


def test_networks_are_the_same_whatever_was_forgotten(monkeypatch):
    architecture = parse(CELLS)
    kept, rng = Interpreter(load(architecture)), random.Random(1)
    expected = [kept.network(Random(rng)) for _ in range(40)]
    monkeypatch.setattr(shared, "MOST_BYTES", 100_000)
    small = Interpreter(load(architecture))
    for _ in range(2):
        for network in expected:
            again = small.network(Fixed(network.draws))
            assert (again.digest, cost(again), again.draws) == (network.digest, cost(network), network.draws)
            assert list(again.draws) == list(network.draws), "in the same order"


def test_what_is_asked_for_again_outlives_the_oldest_half(monkeypatch):
    monkeypatch.setattr(shared, "MOST_BYTES", 20 * (KEY + FRAGMENT + OPERATOR))
    memory = Shared()
    often = relu()
    memory.keep_block("often", often)
    for i in range(100):
        memory.keep_block(i, relu())
        memory.forget_oldest()
        assert memory.block("often") is often
    assert memory.block(99) is not None
    assert memory.block(0) is None, "the oldest is forgotten"


def test_drawn_fragments_move_from_the_older_half_to_the_newer(monkeypatch):
    monkeypatch.setattr(shared, "MOST_BYTES", 0)
    interpreter = Interpreter(load(parse("net n(input=3x8x8)\ns: {relu, relu6}\n")))

    def stage(word):
        return interpreter.network(lambda hole: word if hole.labels else hole.default).stages[0][1]

    made = stage("relu")
    for _ in range(3):  # each draw begins with a half of its own
        assert stage("relu") is made
    assert [stage("relu6").op.op for _ in range(2)] == ["relu6", "relu6"]
    assert stage("relu") is not made, "nothing asked for it in two halves"


def test_a_fragment_in_several_is_weighed_once():
    memory, part = Shared(), relu()
    memory.keep_block("a", part)
    first = memory.size
    assert first == KEY + FRAGMENT + OPERATOR
    memory.keep_block("b", part)
    assert memory.size == first + KEY
    space = load(parse("net n(input=3x8x8)\ns: {relu, relu6}\n"))
    hole = space.hole("", space.architecture.stages[0].body)
    memory.keep_drawn("here", [hole], {hole.name: "relu"}, part)
    assert memory.size == first + KEY + QUESTION
    memory.keep_drawn("here", [hole], {hole.name: "relu6"}, part)
    assert memory.size == first + KEY + QUESTION, "the question was there"


def test_what_can_become_much_is_kept_when_it_is_met_again_and_of_the_first_time_little_stays(monkeypatch):
    monkeypatch.setattr(shared, "MOST_MET", 10)
    memory, part = Shared(), relu()
    space = load(parse("net n(input=3x8x8)\ns: {relu, relu6}\n"))
    hole = space.hole("", space.architecture.stages[0].body)

    def meet(place):
        memory.keep_drawn(place, [hole], {hole.name: "relu"}, part, rare=True)
        return memory.drawn(place, lambda hole: "relu")

    assert meet("here") is None
    for other in range(19):
        assert meet(other) is None
        assert memory.size <= 10 * MET
    assert meet("here") is part, "19 others later"
    for other in range(100, 119):
        meet(other)
    assert meet(5) is None, "by then it is forgotten that it was met"
