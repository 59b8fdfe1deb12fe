"""Rules of a text: which draws they leave, when they are checked, and what a search makes of them."""

from __future__ import annotations

import itertools
import random

import pytest

from archlab.budget_text import parse_budget
from archlab.elaborate import Fixed, Interpreter, Random, elaborate, fill_holes, space_of
from archlab.elaborate.unfold import Unfolder
from archlab.errors import ElaborationError, RuleError
from archlab.grammar import parse, unparse
from archlab.search.closed_form import find_smallest
from archlab.search.counter import Counter

WIDTHS = (8, 16, 24, 32)
TEXT = """net r(input=3x8x8)
var w1 = [8..32 step 8]
var w2 = [8..32 step 8]
var w3 = [8..32 step 8]
require w2 >= w1
require w3 >= w2
require (1 if w2 >= 2 * w1 else 0) + (1 if w3 >= 2 * w2 else 0) <= 1
s: conv(w1, 1) -> conv(w2, 1) -> conv(w3, 1)
"""


def test_exactly_the_draws_that_meet_the_rules_are_networks():
    interpreter = Interpreter(space_of(TEXT))
    allowed = set()
    for w1, w2, w3 in itertools.product(WIDTHS, repeat=3):
        try:
            interpreter.network(Fixed({"w1": w1, "w2": w2, "w3": w3}))
        except RuleError:
            continue
        allowed.add((w1, w2, w3))
    expected = {
        (a, b, c) for a, b, c in itertools.product(WIDTHS, repeat=3) if a <= b <= c and (b >= 2 * a) + (c >= 2 * b) <= 1
    }
    assert allowed == expected


def test_rules_of_vars_are_checked_before_anything_is_unfolded():
    class Refusing(Unfolder):
        def layer(self, *_):
            raise AssertionError("unfolded")

    interpreter = Interpreter(space_of(TEXT), Refusing)
    with pytest.raises(RuleError):
        interpreter.network(Fixed({"w1": 32}))
    assert set(interpreter.meeting_vars(seed=0)) == {"w1", "w2", "w3"}


def test_a_rule_of_a_hole_that_is_not_met_says_nothing():
    text = "net r(input=3x8x8)\nrequire s.repeat.depth <= 2\ns: {relu, repeat([1..3], conv(8))}".replace(".repeat", "")
    assert elaborate(text).body.params == 0
    with pytest.raises(RuleError, match="3 <= 2 does not hold"):
        elaborate(text, {"s.block": "repeat", "s.depth": 3})


def test_a_draw_written_back_needs_no_rules():
    space = space_of(TEXT)
    network = Interpreter(space).network(Fixed({"w2": 16, "w3": 24}))
    written = unparse(fill_holes(space, network))
    assert "require" not in written
    assert elaborate(written).digest == network.digest


def test_the_smallest_network_meets_rules_that_the_default_breaks():
    text = TEXT.replace("require w3 >= w2", "require w3 == 3 * w1\nrequire w2 > 8")
    smallest = find_smallest(Counter(Interpreter(space_of(text))), 0)
    assert dict(smallest.draws) == {"w1": 8, "w2": 16, "w3": 24}
    bounded = find_smallest(Counter(Interpreter(space_of(text)), parse_budget(["params=100k"])), 0)
    assert bounded.digest == smallest.digest


def test_a_space_whose_rules_nothing_meets_says_so():
    text = TEXT.replace("w3 >= w2", "w3 > 4 * w2")
    with pytest.raises(RuleError) as caught:
        find_smallest(Counter(Interpreter(space_of(text))), 0)
    assert caught.value.message.startswith("no network of r was found that meets its rules: none of 10,000 draws")


def test_random_draws_of_a_space_with_rules_are_refused_or_meet_them():
    interpreter, met = Interpreter(space_of(TEXT)), 0
    for seed in range(200):
        try:
            draws = interpreter.network(Random(random.Random(seed))).draws
        except RuleError:
            continue
        met += 1
        assert draws["w1"] <= draws["w2"] <= draws["w3"]
    assert 20 < met < 120


def test_rules_are_read_and_written():
    architecture = parse(TEXT)
    assert parse(unparse(architecture)) == architecture
    assert [line for line in unparse(architecture).splitlines() if line.startswith("require")] == [
        line for line in TEXT.splitlines() if line.startswith("require")
    ]


@pytest.mark.parametrize("inputs", ["3x{96, 128, 160}", "3x{96x128, 192x256}", "1x{8}"])
def test_input_sizes_as_a_hole(inputs):
    text = f"net r(input={inputs})\ns: conv(8) -> gap -> fc(2)\n"
    assert unparse(parse(text)) == text
    space = space_of(text)
    sizes = space.architecture.options[0][1].options
    for size in sizes:
        label = "x".join(map(str, size.dims))
        network = elaborate(space, {"input": label})
        assert network.input_shape == size.dims
        assert network.draws == {"input": label}
        assert f"input={label}" in unparse(fill_holes(space, network))
    assert elaborate(space).input_shape == sizes[0].dims


def test_an_input_that_is_no_size_is_refused():
    with pytest.raises(ElaborationError, match="input must be channels x height x width"):
        elaborate("net r(input=3x{1.5})\ns: relu")
