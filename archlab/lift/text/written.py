"""Layers as syntax: which arguments are written, which by position, and which are left to their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from archlab.elaborate.language import prelude
from archlab.grammar import ast, unparse_expr
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.layers import DEFAULT, As, Call, Chain, Default, Form, Layer, Use, Value
from archlab.ops import REQUIRED

Params = Mapping[str, Value | None]
"""A block's parameters in order, each with its default: None where it has none."""
Blocks = Mapping[str, Params]

_BY_POSITION = frozenset({"k", "n", "r", "scale", "slope", "init"})
"""Parameters that are written without their names although they have defaults, where those before them are written."""


@cache
def prelude_params(defaults: Defaults = NO_DEFAULTS) -> Blocks:
    """Return the parameters of every operator and block that all texts may call, with the defaults of a text."""
    own = {
        name: {param: None if default is REQUIRED else _default(default) for param, default in callee.params.items()}
        for name, callee in prelude().items()
    }
    return {name: {param: defaults.of(param, d) for param, d in params.items()} for name, params in own.items()}


def _default(default: object) -> Value:
    if isinstance(default, ast.Number):
        return default.value
    if isinstance(default, ast.Name) and default.name == "same":
        return "same"
    if isinstance(default, ast.Name) and default.name in (*prelude(), "none"):
        name = default.name
        return Call(name, tuple((p, d) for p, d in params_of(name).items() if d is not None))
    if isinstance(default, ast.Expr):
        return DEFAULT
    assert isinstance(default, int | float | str)
    return default


def params_of(name: str) -> Params:
    """Return the parameters of an operator, by which a default such as ``norm=bn`` is compared."""
    callee = prelude().get(name)
    if callee is None or callee.block is not None:
        return {}
    return {param: None if default is REQUIRED else _default(default) for param, default in callee.params.items()}


def expr_of(layer: Chain | Layer, blocks: Blocks) -> ast.Expr:
    """Return ``layer`` as it is written; ``blocks`` are those that it may call."""
    match layer:
        case Chain(items=()):
            return ast.Name("identity")
        case Chain(items=(item,)):
            return expr_of(item, blocks)
        case Chain(items=items):
            return ast.Sequence(tuple(expr_of(item, blocks) for item in items))
        case Use(name=name):
            return ast.Name(name)
        case As(layer=inner, name=name):
            return ast.Named(expr_of(inner, blocks), name)
        case Form(name=name, branches=branches, count=count):
            parts = tuple(expr_of(branch, blocks) for branch in branches)
            return ast.Call(name, (value_of(count, blocks), *parts) if name == "repeat" else parts)
    return _call(layer, blocks)


def text_of(layer: Chain | Layer, blocks: Blocks) -> str:
    """Return the text of ``layer``."""
    return unparse_expr(expr_of(layer, blocks))


def _call(call: Call, blocks: Blocks) -> ast.Expr:
    params = blocks.get(call.name, {})
    args: list[ast.Expr] = []
    keywords: list[tuple[str, ast.Expr]] = []
    for i, (name, value) in enumerate(call.args):
        default = params.get(name)
        if value == default or isinstance(value, Default):
            continue
        written = value_of(value, blocks)
        in_place = len(args) == i and (default is None or name in _BY_POSITION or call.name == "dropout")
        if in_place:
            args.append(written)
        else:
            keywords.append((name, written))
    return ast.Call(call.name, tuple(args), tuple(keywords)) if args or keywords else ast.Name(call.name)


def value_of(value: Value, blocks: Blocks) -> ast.Expr:
    """Return an argument as it is written."""
    match value:
        case Call():
            return _call(value, blocks)
        case str():
            return ast.Name(value)
        case int() | float():
            return ast.Number(value)
        case tuple():
            return ast.Size(value)
        case Default():
            raise AssertionError("a computed default is never written")
    return value


def written_defaults(defaults: Defaults) -> ast.Options:
    """Return the defaults of a text as they stand in its first line."""
    return tuple((name, value_of(value, prelude_params())) for name, value in defaults.given)
