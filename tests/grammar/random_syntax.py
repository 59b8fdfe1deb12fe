"""Random syntax trees of every kind of node, right or wrong in meaning, for property tests."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from archlab.grammar import ast

RESERVED = {"net", "block", "var", "require", "in", "if", "else", "as", "step", "default"}

names = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8).filter(
    lambda text: not text[0].isdigit() and text not in RESERVED
)
whole = st.integers(0, 2**31 - 1)
decimals = st.floats(0, 2**31 - 1, allow_subnormal=True)
counts = whole | decimals
comparisons = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
bounds = counts | counts.map(lambda n: -n).filter(lambda n: str(n) != "-0.0" and n != 0)
sizes = st.lists(st.integers(0, 9999), min_size=2, max_size=4).map(lambda dims: ast.Size(tuple(dims)))
image_sizes = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=3).map(
    lambda sides: ast.Choice(tuple(ast.Size((3, *side)) for side in sides))
)
leaves = (
    counts.map(ast.Number)
    | names.map(ast.Name)
    | st.just(ast.Name("in"))
    | sizes
    | image_sizes
    | st.builds(ast.Range, bounds, bounds, st.none() | bounds, st.none() | bounds)
)


def _compound(inner):
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    keywords = st.lists(st.tuples(names, inner), max_size=2).map(tuple)
    return (
        st.builds(ast.Call, names, st.lists(inner, max_size=3).map(tuple), keywords)
        | st.lists(inner, min_size=2, max_size=4).map(lambda items: ast.Sequence(tuple(items)))
        | st.builds(ast.Binary, st.sampled_from(["+", "-", "*", "/", "//"]), inner, inner)
        | st.builds(ast.Named, inner, names)
        | st.builds(ast.Negate, inner)
        | st.builds(ast.Conditional, inner, comparisons, inner, inner, inner)
        | several.map(ast.Choice)
    )


exprs = st.recursive(leaves, _compound, max_leaves=12)
options = st.lists(st.tuples(names, exprs), max_size=2).map(tuple)
params = st.builds(ast.Param, names, st.none() | exprs)
architectures = st.builds(
    ast.Architecture,
    names,
    st.lists(st.builds(ast.Stage, names, exprs, options), max_size=3).map(tuple),
    options,
    st.lists(st.builds(ast.Var, names, exprs), max_size=2).map(tuple),
    st.lists(st.builds(ast.Block, names, st.lists(params, max_size=2).map(tuple), exprs), max_size=2).map(tuple),
    st.lists(st.builds(ast.Require, exprs, comparisons, exprs), max_size=2).map(tuple),
)
