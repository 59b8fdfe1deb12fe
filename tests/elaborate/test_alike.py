"""Options of a choice that give the same network are reported, and no others."""

from __future__ import annotations

import pytest

from archlab.elaborate import alike_options, load, space_of
from archlab.grammar import parse, parse_file
from archlab.resources import shipped_spaces


@pytest.mark.parametrize(
    ("body", "column", "options"),
    [
        ("conv(8) -> {none, identity}", 22, "'none' and 'identity'"),
        ("{conv(8), conv(8, 3)}", 14, "'conv(8)' and 'conv(8, 3)'"),
        ("conv(8, act={none, identity})", 23, "'none' and 'identity'"),
        ("conv(8) as x -> {relu, add(x, relu), add(relu, x)}", 41, "'add(x, relu)' and 'add(relu, x)'"),
        ("add(relu, {zero, conv(4) -> zero})", 29, "'zero' and 'conv(4) -> zero'"),
        ("{conv(4, 1) -> conv(8, 1), conv(8, 1)} -> {repeat(2, relu), relu -> relu}", 69, "'repeat(2, relu)' and"),
    ],
)
def test_options_that_give_the_same_are_reported_with_their_place(body, column, options):
    (sentence,) = alike_options(load(parse(f"net n(input=8x8x8)\ns: {body}", "n.arch")))
    assert f"the options {options}" in sentence
    assert sentence.startswith(f"n.arch:2:{column}: ")


@pytest.mark.parametrize(
    "body",
    ["{conv(8), conv(8, 5)}", "{identity, relu}", "{repeat({1, 2}, conv(8)), conv(8)}", "conv({8, 16})", "conv(8)"],
)
def test_other_options_are_not(body):
    assert alike_options(space_of(f"net n(input=8x8x8)\ns: {body}")) == ()


def test_no_shipped_space_draws_a_network_under_two_names():
    for path in shipped_spaces().values():
        assert alike_options(load(parse_file(path))) == ()
