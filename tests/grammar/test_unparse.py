from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings

from archlab.grammar import ast, parse, parse_file, unparse, unparse_expr
from archlab.resources import shipped_spaces
from tests.grammar.random_syntax import architectures

X, Y, Z = map(ast.Name, "xyz")


@settings(max_examples=250)
@given(architectures)
def test_every_tree_reads_back_from_its_text(architecture):
    assert parse(unparse(architecture)) == architecture


@settings(max_examples=100)
@given(architectures)
def test_the_text_is_canonical(architecture):
    text = unparse(architecture)
    assert unparse(parse(text)) == text


@pytest.mark.parametrize("path", shipped_spaces().values(), ids=lambda path: path.stem)
def test_a_shipped_text_survives(path):
    architecture = parse_file(path)
    assert parse(unparse(architecture)) == architecture


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (ast.Binary("*", ast.Binary("+", X, Y), Z), "(x + y) * z"),
        (ast.Binary("+", X, ast.Binary("*", Y, Z)), "x + y * z"),
        (ast.Binary("-", X, ast.Binary("-", Y, Z)), "x - (y - z)"),
        (ast.Binary("-", ast.Binary("-", X, Y), Z), "x - y - z"),
        (ast.Negate(ast.Binary("+", X, Y)), "-(x + y)"),
        (ast.Negate(ast.Negate(X)), "--x"),
        (ast.Sequence((X, ast.Sequence((Y, Z)))), "x -> (y -> z)"),
        (ast.Conditional(X, "==", X, Y, ast.Conditional(Y, "<", X, Y, Z)), "x if x == y else y if x < y else z"),
        (ast.Conditional(ast.Conditional(X, "<", X, Y, Z), "<", X, Y, Z), "(x if x < y else z) if x < y else z"),
        (ast.Sequence((ast.Conditional(X, "<", X, Y, Z), Y)), "(x if x < y else z) -> y"),
        (ast.Choice((ast.Sequence((X, Y)), Z)), "{x -> y, z}"),
        (ast.Range(-1, 2.5, 0.5, 0), "[-1..2.5 step 0.5 default 0]"),
        (ast.Number(1e-7), "0.0000001"),
        (ast.Number(1.25e-07), "0.000000125"),
        (ast.Call("conv", (X,), (("k", Y),)), "conv(x, k=y)"),
    ],
)
def test_brackets_stand_only_where_they_must(expr, text):
    assert unparse_expr(expr) == text


def test_the_docstrings_example_holds():
    import sys

    assert doctest.testmod(sys.modules["archlab.grammar.unparse"]).failed == 0
