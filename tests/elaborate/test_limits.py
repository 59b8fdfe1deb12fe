"""Texts that would unfold without end, nest too deep or grow too large: each ends at once, and well."""

from __future__ import annotations

import pytest

from archlab.elaborate import Interpreter, elaborate, load
from archlab.elaborate.fill_holes import fill_holes
from archlab.errors import ArchlabError, InputError, LimitError
from archlab.grammar import parse
from tests.steps import TooManyCallsError, ends_soon

N = "net n(input=3x32x32)\n"
NODES = "the text unfolds into more than 20000 nodes"
STEPS = "the text takes too many steps to unfold"
FORTY = range(1, 41)


def lines(template, n):
    """``template`` for i from 1 to n: ``@`` is i and ``~`` is i - 1."""
    return "".join(template.replace("@", str(i)).replace("~", str(i - 1)) + "\n" for i in range(1, n + 1))


def nested(opening, n, inner, closing=")"):
    return opening * n + inner + closing * n


# What each makes: the number of nodes of a network, or the message of its error.
BOMBS = {
    # doubling
    "closed blocks": ("block b0() = conv(8)\n" + lines("block b@() = b~ -> b~", 30) + "s: b30", NODES),
    "closed identities": ("block b0() = identity\n" + lines("block b@() = b~ -> b~", 27) + "s: b27", 0),
    "open blocks": ("block b0() = conv({8, 16})\n" + lines("block b@() = b~ -> b~", 27) + "s: b27", NODES),
    "open identities": ("block b0() = {identity, none}\n" + lines("block b@() = b~ -> b~", 27) + "s: b27", STEPS),
    "layer parameters": (
        "block a0(f, g) = f\n" + lines("block a@(f, g) = a~(f->g, g->f)", 27) + "s: a27(relu, relu6)", STEPS
    ),
    "open layer parameters": (
        "block a0(f, g) = f\n" + lines("block a@(f, g) = a~(f->g, g->f)", 27) + "s: a27({relu, relu6}, {relu, silu})",
        STEPS,
    ),
    "layer parameters of nothing": (
        "block a0(f, g) = f\n" + lines("block a@(f, g) = a~(f->g, g->f)", 27) + "s: a27(identity, identity)",
        STEPS,
    ),
    "compared layers": (
        "block a0(f, g) = relu if f == g else relu6\n"
        + lines("block a@(f, g) = a~(f->g, f->g)", 27)
        + "s: a27(relu, relu)",
        1,
    ),
    "defaults": ("block a0(f) = f\n" + lines("block a@(f, g=f->f) = a~(g)", 27) + "s: a27(relu)", STEPS),
    "branches": ("block a0(f) = f\n" + lines("block a@(f) = a~(add(f, f))", 27) + "s: a27(relu)", STEPS),
    "channels": ("block a(f) = cat(f, f)\ns: " + nested("a(", 29, "identity"),
                 "cat: the output would hold 1649267441664 elements, more than 1099511627776"),
    "vars": ("var v0 = relu\n" + lines("var v@ = v~ -> v~", 30) + "s: v30", STEPS),
    "open vars": ("var v0 = {relu, none}\n" + lines("var v@ = v~ -> v~", 30) + "s: v30", STEPS),
    "numbers in vars": ("var v0 = {1, 2}\n" + lines("var v@ = max(v~, v~)", 1000) + "s: conv(v1000)", 3),
    "numbers too large": (
        "var v0 = 2\n" + lines("var v@ = v~ * v~", 20) + "s: conv(v20)", "a number is larger than 2147483647"
    ),
    # repeating
    "a billion": ("s: repeat(1000000000, identity)",
                  "repeat's count must be a whole number from 1 to 20000, not the number 1000000000"),
    "nothing 20,000 times": ("s: repeat(20000, identity)", 0),
    "nothing 20,000 times 20 times over": ("s: " + nested("repeat(20000, ", 29, "identity"), 0),
    "something 20,000 times 2 times over": ("s: repeat(20000, repeat(20000, relu))", NODES),
    "each nothing": ("s: " + nested("each(20000, ", 5, "identity"), STEPS),
    "each of two": ("s: " + nested("each(2, ", 25, "{identity, none}"), STEPS),
    "many different copies": ("s: each(6000, conv({8, 16}))", 18000),
    "too many different copies": ("s: each(20000, conv({8, 16}))", NODES),
    "copies with many holes": ("s: each(5000, " + " -> ".join(["{relu, none}"] * 20) + ")", NODES),
    "copies with many options": ("s: each(6000, conv({" + ", ".join(map(str, range(1, 1001))) + "}))", 18000),
    "copies of a long sum": (
        "block b(x) = conv(" + nested("max(", 28, ", ".join(["x"] * 16)) + ", {1, 3})\ns: each(6000, b(8))", 18000
    ),
    "copies with a wide sum": (
        "s: each(6000, conv(max(" + ", ".join(["max(" + ", ".join(["in"] * 16) + ")"] * 16) + "), {1, 3}))", STEPS
    ),
    # nesting
    "brackets": ("s: " + "(" * 99_000, "brackets nest deeper than 30"),
    "braces": ("s: " + "{" * 99_000, "brackets nest deeper than 30"),
    "minus signs": ("s: conv(" + "-" * 99_000, "more than 60 operators in one statement"),
    "pluses": ("s: conv(1" + "+1" * 49_000 + ")", "more than 60 operators in one statement"),
    "conditionals": ("s: " + "relu if 1 == 2 else " * 4900 + "relu", "more than 60 operators in one statement"),
    "60 conditionals": ("s: " + "relu if 1 == 2 else " * 60 + "relu6", 1),
    "arrows": ("s: relu" + "->relu" * 14_000, 14_001),
    "residuals": ("s: " + nested("residual(", 29, "relu"), 30),
    "choices of choices": ("s: " + nested("{", 29, "relu, relu6", "}"), 1),
    "a chain of blocks, last first": (lines("block b~() = b@", 3000) + "block b3000() = relu\ns: b0",
                                      "blocks call blocks more than 30 deep"),
    "a chain of blocks, first first": ("block b0() = relu\n" + lines("block b@() = b~", 3000) + "s: b3000",
                                       "layers nest deeper than 100"),
    "deep blocks that call deep blocks": (
        "".join(f"block b{i}() = {nested('residual(', 29, f'b{i + 1}')}\n" for i in range(28))
        + "block b28() = relu\ns: b0",
        "layers nest deeper than 100",
    ),
    # size
    "digits": ("s: conv(" + "9" * 90_000 + ")", "a number has more than 400 digits"),
    "zeros": ("s: conv(" + "0" * 90_000 + "8)", "a number has more than 400 digits"),
    "decimals": ("s: conv(0." + "9" * 90_000 + ")", "a number has more than 400 digits"),
    "dimensions": ("s: conv(8, " + "1x" * 40_000 + "1)", "a size has 40001 dimensions, more than 8"),
    "a long name": ("s: " + "a" * 90_000, "a name is longer than 64 characters"),
    "channels without end": ("s: conv(2147483647)",
                             "conv: the output would hold 2199023254528 elements, more than 1099511627776"),
    "huge choice": ("s: {" + ",".join(f"conv({i})" for i in range(1, 9000)) + "}",
                    "a choice has 8999 options, more than 1000"),
    "nested huge choices": ("s: " + nested("{", 25, ", ".join(f"conv({i})" for i in range(1, 1001)), "}"), 3),
    "huge range": ("s: conv([1..2000000000])", 3),
    "fine range": ("s: conv([0.0..2000.0 step 0.0001])", "the range has more than 1000000 steps"),
    # many
    "stages": (lines("s@: relu", 7000), 7000),
    "stages with holes": (lines("s@: {relu, none}", 4500), 4500),
    "blocks": (lines("block b@() = relu", 4000) + "s: relu", 1),
    "many vars": (lines("var v@ = @", 5000) + "s: conv(v8)", 3),
    "a chain of vars": ("var v0 = 8\n" + lines("var v@ = v~", 5000) + "s: conv(v5000)", 3),
    "holes in a row": ("s: " + "->".join(["{relu,none}"] * 7000), 7000),
    "repeats in a row": ("s: " + "->".join(["each(1,relu)"] * 7000), 7000),
    "arguments": ("s: add(" + ", ".join(["relu"] * 9000) + ")", "add takes 2 to 64 arguments, not 9000"),
    "parameters": ("block b(" + ", ".join(f"p{i}=1" for i in range(9000)) + ") = relu\ns: b",
                   "block b has more than 64 parameters"),
    "empty lines": ("\n" * 99_000 + "s: relu", 1),
    "comments": ("#\n" * 49_000 + "s: relu", 1),
    "commas": ("s: add(" + "," * 90_000, "found ',' where a layer or a value or ')' should stand"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "outcome"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_a_network_or_a_clear_error_soon(text, outcome):
    with ends_soon():
        try:
            found = elaborate(parse(N + text)).body.nodes
            place = ""
        except ArchlabError as error:
            found, place = error.message, str(error.place)
            assert len(str(error)) < 600, "what a user can read"  # noqa: PT017
    assert found == outcome
    assert place == "" or place.startswith("<text>:"), "every limit of a text points into it"


def test_a_draw_of_many_fillings_is_written_back_soon():
    space = load(parse(N + "block b() = conv({8, 16}, {1, 3})\ns: each(6000, b)"))
    count = iter(range(10**6))
    network = Interpreter(space).network(lambda hole: hole.labels[next(count) // 3 % 2] if hole.labels else 1.0)
    with ends_soon():
        settled = fill_holes(space, network)
    assert [block.name for block in settled.blocks] == ["b", "b_2", "b_3"]
    assert elaborate(settled).digest == network.digest


@pytest.mark.parametrize(("limit", "fits"), [(3, True), (2, False)])
def test_the_limit_on_nodes_can_be_set(limit, fits):
    architecture = parse(N + "s: conv(8)")
    if fits:
        assert elaborate(architecture, max_nodes=limit).body.nodes == 3
    else:
        with pytest.raises(LimitError, match="more than 2 nodes"):
            elaborate(architecture, max_nodes=limit)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(InputError, match="must be at least 1, not 0"):
        load(parse(N + "s: relu"), 0)


def test_what_does_not_end_is_stopped():
    def endless():
        while True:
            len("")

    with pytest.raises(TooManyCallsError, match="not done after 1,000 calls"), ends_soon(calls=1000):
        endless()
