"""Holes: their names, who shares a draw, what fills them, and the multipliers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlab.elaborate import Fixed, Hole, Interpreter, Random, defaults, elaborate, load
from archlab.elaborate.fill_holes import fill_holes
from archlab.elaborate.scope import round_to_divisor, scaled_repeats
from archlab.errors import InputError
from archlab.grammar import parse, unparse

N = "net n(input=16x32x32)\n"


def space(text):
    return load(parse(N + text))


def network(text, **values):
    return Interpreter(space(text)).network(Fixed({name.replace("__", "."): value for name, value in values.items()}))


def names(text):
    return list(network(text).draws)


def convs(net):
    return [node for node in net.graph if node.op == "conv2d"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stage3: each(2, bottleneck(64, e={0.25, 0.5}))", ["stage3.0.bottleneck.e", "stage3.1.bottleneck.e"]),
        ("stage3: repeat(2, bottleneck(64, e={0.25, 0.5}))", ["stage3.bottleneck.e"]),
        ("s: repeat({1, 2}, conv([8..16]))", ["s.depth", "s.conv.c"]),
        ("s: conv({8, 16}) -> conv({8, 16}, {3, 5})", ["s.conv.c", "s.conv_2.c", "s.conv_2.k"]),
        ("s: {conv(8), relu}", ["s.block"]),
        ("var act = {relu, relu6}\ns: conv(8, act=act) -> conv(8, act=act)", ["act"]),
        ("block b(c) = conv(c, {3, 5})\ns: b(8) -> b(16)", ["s.b.conv.k", "s.b_2.conv.k"]),
        ("block b(c, k={3, 5}) = conv(c, k)\ns: b(8)", ["s.b.k"]),
        ("s(width_mult={0.5, 1}): conv(8)", ["s.width_mult"]),
        ("s: each(2, {relu, none}) -> each(2, {relu6, none})",
         ["s.0.block", "s.1.block", "s.each_2.0.block_2", "s.each_2.1.block_2"]),
        ("s: conv(8)", ["width_mult", "depth_mult", "s.width_mult"]),
        ("s: repeat(2, conv(8))\nt: relu", ["width_mult", "depth_mult", "s.width_mult", "s.depth_mult"]),
        ("var f = repeat(2, conv(8))\ns: f", ["width_mult", "depth_mult", "s.width_mult", "s.depth_mult"]),
    ],
)  # fmt: skip
def test_a_hole_is_named_by_its_path(text, expected):
    assert names(text) == expected


def test_repeat_draws_once_and_each_for_every_copy():
    tied = network("s: repeat(3, conv(16, {3, 5}))", s__conv__k=5)
    assert [node.attrs["kernel"][0] for node in convs(tied)] == [5, 5, 5]
    free = network("s: each(3, conv(16, {3, 5}))", s__1__conv__k=5)
    assert [node.attrs["kernel"][0] for node in convs(free)] == [3, 5, 3]


@pytest.mark.parametrize("form", ["repeat", "each"])
def test_the_stride_is_that_of_the_first_copy(form):
    net = elaborate(parse(N + f"s: {form}(3, conv(16, s=2))"))
    assert [node.attrs["stride"] for node in convs(net)] == [(2, 2), (1, 1), (1, 1)]


def test_the_stride_inside_a_blocks_body_is_left_alone():
    net = elaborate(parse(N + "block b() = conv(16, s=2)\ns: repeat(2, b)"))
    assert [node.attrs["stride"] for node in convs(net)] == [(2, 2), (2, 2)]


def test_a_var_ties_its_uses():
    net = network("var k = {3, 5}\ns: conv(16, k)\nt: conv(8, k)", k=5)
    assert [node.attrs["kernel"] for node in convs(net)] == [(5, 5), (5, 5)]


def test_only_the_option_taken_is_drawn():
    text = "s: {conv({8, 16}), separable({24, 32})}"
    assert list(network(text).draws) == ["s.block", "s.conv.c"]
    assert list(network(text, s__block="separable").draws) == ["s.block", "s.separable.c"]


def test_options_of_one_block_are_told_apart_by_their_text():
    assert network("s: {conv(8), conv(8, 5)}", s__block="conv(8, 5)").draws == {"s.block": "conv(8, 5)"}


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("{5, 3}", 5),
        ("[8..16]", 8),
        ("[8..16 default 12]", 12),
        ("[0.5..1.0 step 0.25]", 0.5),
        ("[1..2 step 0.5]", 1.0),
    ],
)
def test_the_default_is_the_first_unless_it_is_given(text, default):
    assert next(iter(network(f"s: conv(8 * {text})").draws.values())) == default


@pytest.mark.parametrize(
    ("text", "value", "takes"),
    [
        ("{8, 16}", 12, "{8, 16}"),
        ("{8, 16}", "8", "{8, 16}"),
        ("[8..16]", 17, "[8..16 step 1]"),
        ("[8..16]", 8.5, "[8..16 step 1]"),
        ("[8..16 step 4]", 10, "[8..16 step 4]"),
        ("[8..16]", "twelve", "[8..16 step 1]"),
        ("[8..16]", float("nan"), "[8..16 step 1]"),
    ],
)
def test_a_value_that_a_hole_cannot_take_is_refused(text, value, takes):
    with pytest.raises(InputError) as caught:
        network(f"s: conv({text})", s__conv__c=value)
    assert str(caught.value) == f"s.conv.c cannot be {value!r}\n  hint: it takes {takes}"


def test_an_unknown_hole_is_refused_with_the_nearest():
    with pytest.raises(InputError) as caught:
        Interpreter(space("s: conv({8, 16})")).network(Fixed({"s.conv.k": 3}))
    assert str(caught.value) == "no hole is named 's.conv.k' in this draw\n  hint: did you mean s.conv.c?"


def test_random_draws_reach_every_value_and_no_other():
    interpreter, rng = Interpreter(space("s: conv({8, 24}, [1..5 step 2]) -> dropout([0.0..0.5])")), random.Random(0)
    draws = [interpreter.network(Random(rng)).draws for _ in range(200)]
    assert {draw["s.conv.c"] for draw in draws} == {8, 24}
    assert {draw["s.conv.k"] for draw in draws} == {1, 3, 5}
    rates = {draw["s.dropout.p"] for draw in draws}
    assert len(rates) == 200
    assert 0 <= min(rates) < 0.1 < 0.4 < max(rates) <= 0.5


def test_the_multipliers_of_a_space_with_holes_are_not_searched_but_can_be_given():
    text = "s: conv({8, 16})"
    assert "width_mult" not in network(text).draws
    assert network(text, width_mult=2.0, s__conv__c=16).body.shape[0] == 32


# --- multipliers -----------------------------------------------------------------------------------------------------


@given(st.floats(0.01, 1e6), st.integers(1, 64))
def test_rounding_keeps_to_the_divisor_and_to_90_percent(value, divisor):
    rounded = round_to_divisor(value, divisor)
    assert rounded % divisor == 0
    assert rounded >= 0.9 * value
    assert rounded >= divisor
    assert abs(rounded - value) <= max(divisor, divisor / 2 + 0.1 * value)


@pytest.mark.parametrize(
    ("count", "depth", "repeats"), [(3, 1.0, 3), (3, 0.5, 2), (3, 0.01, 1), (10, 0.1, 1), (10, 1.1, 11), (6, 1.5, 9)]
)
def test_a_repeat_count_rounds_up(count, depth, repeats):
    assert scaled_repeats(count, depth) == repeats


@pytest.mark.parametrize(
    ("options", "width", "channels"),
    [("", 0.5, 16), ("", 0.3, 8), ("", 1.01, 24), (", divisor=4", 0.3, 8), (", divisor=1", 0.35, 7), ("", 1.0, 20)],
)
def test_width_scales_channels_to_the_divisor(options, width, channels):
    # 20 * 0.5 = 10: the nearest multiple of 8 is 8, which is below 90 % of it, so 16
    net = elaborate(parse(f"net n(input=3x8x8{options}, width_mult={width})\ns: conv(20)"))
    assert net.body.shape[0] == channels


def test_a_width_is_applied_once_and_not_to_what_is_fixed():
    block = "block b(c) = conv(c) -> conv(c / 2) -> conv(fixed(10)) -> fc(10)"
    net = elaborate(parse(N + f"{block}\ns(width_mult=0.5): b(64)"))
    assert [node.shape[0] for node in convs(net)] == [32, 16, 10]
    assert net.body.shape == (10,)


def test_a_stages_width_multiplies_the_networks():
    text = "net n(input=3x8x8, width_mult=0.5)\ns: conv(64)\nt(width_mult=0.5): conv(64)\nu(width_mult=3): conv(64)"
    assert [fragment.shape[0] for _, fragment in elaborate(parse(text)).stages] == [32, 16, 96]


def test_a_stages_depth_multiplies_the_networks():
    text = "net n(input=3x8x8, depth_mult=0.5)\ns: repeat(4, relu)\nt(depth_mult=3): repeat(4, relu)"
    net = elaborate(parse(text))
    assert [fragment.nodes for _, fragment in net.stages] == [2, 6]
    assert net.depths == {"s": 0.5, "t": 1.5}


# --- fill_holes -------------------------------------------------------------------------------------------------------


def settled(text, **values):
    made = space(text)
    fixed = Fixed({name.replace("__", "."): value for name, value in values.items()})
    return unparse(fill_holes(made, Interpreter(made).network(fixed), "found")).split("\n", 1)[1]


@pytest.mark.parametrize(
    ("text", "values", "written"),
    [
        ("s: conv({8, 16})", {"s__conv__c": 16}, "s: conv(16)\n"),
        ("s: {relu, none}", {"s__block": "none"}, "s: none\n"),
        ("s: conv(8)", {"width_mult": 0.5}, "s: conv(8)\n"),
        ("s: conv(8)", {"s__width_mult": 0.5}, "s(width_mult=0.5): conv(8)\n"),
        ("s: repeat({2, 3}, conv(16, s=2))", {"s__depth": 3}, "s: repeat(3, conv(16, s=2))\n"),
        ("s: each(2, conv(16, {3, 5}, s=2))", {"s__1__conv__k": 5}, "s: conv(16, 3, s=2) -> conv(16, 5, s=1)\n"),
        ("s: each(2, conv(16, {3, 5}, s=2))", {}, "s: repeat(2, conv(16, 3, s=2))\n"),
        ("block b() = conv(8, {3, 5})\ns: b -> b", {"s__b__conv__k": 5},
         "block b() = conv(8, 5)\nblock b_2() = conv(8, 3)\ns: b -> b_2\n"),
    ],
)  # fmt: skip
def test_a_draw_is_written_as_a_person_would(text, values, written):
    assert settled(text, **values) == written


def test_a_hole_names_itself_and_what_it_takes():
    assert Hole("a", ("x", "y")).describe() == "{x, y}"
    assert Hole("a", (), 1, 2, 0).describe() == "[1..2]"
    assert defaults(Hole("a", (8, 16), default=8)) == 8
