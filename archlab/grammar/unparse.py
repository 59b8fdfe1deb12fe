"""Syntax tree to canonical text: one way to write each architecture, such that ``parse(unparse(x)) == x``."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeGuard

from archlab.grammar import ast

# How tightly each construct binds; an operand that binds less tightly than its place asks for gets brackets.
_LAYER, _SEQUENCE, _ITEM, _SUM, _PRODUCT, _UNARY, _ATOM = range(7)


def unparse(architecture: ast.Architecture) -> str:
    """Return the canonical text of an architecture, with a newline at its end.

    >>> from archlab.grammar.parse import parse
    >>> print(unparse(parse("net n( input = 3x8x8 )\\nstem:conv( 8,s =2 )->relu")), end="")
    net n(input=3x8x8)
    stem: conv(8, s=2) -> relu
    """
    lines = [f"net {architecture.name}{_options(architecture.options)}"]
    lines += [f"var {var.name} = {unparse_expr(var.value)}" for var in architecture.vars]
    lines += [f"require {require_text(rule)}" for rule in architecture.requires]
    lines += [_block(block) for block in architecture.blocks]
    lines += [f"{stage.name}{_options(stage.options)}: {unparse_expr(stage.body)}" for stage in architecture.stages]
    return "\n".join(lines) + "\n"


def unparse_expr(expr: ast.Expr) -> str:
    """Return the canonical text of one expression."""
    return _expr(expr, _LAYER)


def require_text(rule: ast.Require) -> str:
    """Return a rule as it is written behind ``require``."""
    return f"{_expr(rule.left, _SUM)} {rule.op} {_expr(rule.right, _SUM)}"


def _options(options: ast.Options) -> str:
    return f"({', '.join(f'{name}={unparse_expr(value)}' for name, value in options)})" if options else ""


def _block(block: ast.Block) -> str:
    params = ", ".join(p.name if p.default is None else f"{p.name}={unparse_expr(p.default)}" for p in block.params)
    return f"block {block.name}({params}) = {unparse_expr(block.body)}"


def _expr(expr: ast.Expr, place: int) -> str:
    text, binds = _bare(expr)
    return f"({text})" if binds < place else text


def _bare(expr: ast.Expr) -> tuple[str, int]:
    match expr:
        case ast.Number(value=value):
            return _number(value), _UNARY if value < 0 else _ATOM
        case ast.Size(dims=dims):
            return "x".join(map(str, dims)), _ATOM
        case ast.Quoted(text=text):
            return f'"{text}"', _ATOM
        case ast.Name(name=name):
            return name, _ATOM
        case ast.Call(name=name, args=args, keywords=keywords):
            items = [unparse_expr(arg) for arg in args] + [f"{key}={unparse_expr(arg)}" for key, arg in keywords]
            return f"{name}({', '.join(items)})", _ATOM
        case ast.Choice(options=(ast.Size(dims=(channels, _, _)), *_) as options) if _same_channels(options):
            sides = ("x".join(map(str, o.dims[1:] if o.dims[1] != o.dims[2] else o.dims[2:])) for o in options)
            return f"{channels}x{{{', '.join(sides)}}}", _ATOM
        case ast.Choice(options=options):
            return "{" + ", ".join(unparse_expr(option) for option in options) + "}", _ATOM
        case ast.Range(lo=lo, hi=hi, step=step, default=default):
            tail = "" if step is None else f" step {_number(step)}"
            tail += "" if default is None else f" default {_number(default)}"
            return f"[{_number(lo)}..{_number(hi)}{tail}]", _ATOM
        case ast.Negate(operand=operand):
            return f"-{_expr(operand, _UNARY)}", _UNARY
        case ast.Binary(op=op, left=left, right=right):
            binds = _SUM if op in "+-" else _PRODUCT
            return f"{_expr(left, binds)} {op} {_expr(right, binds + 1)}", binds
        case ast.Sequence(items=items):
            return " -> ".join(_expr(item, _ITEM) for item in items), _SEQUENCE
        case ast.Named(layer=layer, name=name):
            return f"{_expr(layer, _SUM)} as {name}", _ITEM
        case ast.Conditional(then=then, op=op, left=left, right=right, other=other):
            condition = f"{_expr(left, _SUM)} {op} {_expr(right, _SUM)}"
            return f"{_expr(then, _SEQUENCE)} if {condition} else {unparse_expr(other)}", _LAYER


def _same_channels(options: tuple[ast.Expr, ...]) -> TypeGuard[tuple[ast.Size, ...]]:
    """Return whether options are sizes of images, of equal channels: those are written once, 3x{96, 128x160}."""
    sizes = [option.dims for option in options if isinstance(option, ast.Size)]
    return len(sizes) == len(options) and {(len(dims), dims[0]) for dims in sizes} == {(3, sizes[0][0])}


def _number(value: int | float) -> str:
    """Return the shortest digits that read back as the same number; the language has no exponents."""
    text = repr(value)
    return f"{Decimal(text):f}" if "e" in text else text
