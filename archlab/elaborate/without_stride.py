"""Stride belongs to the first copy: what the later copies of a ``repeat`` or ``each`` say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from archlab.elaborate.language import Callee
from archlab.grammar import ast


def without_stride(expr: ast.Expr, callees: Mapping[str, Callee]) -> ast.Expr:
    """``expr`` with every argument ``s`` that stands in it set to 1; the same object where there is none.

    Only what is written in the repeated expression counts: the body of a block that it calls is left as it is.
    """
    match expr:
        case ast.Call(name=name, args=args, keywords=keywords):
            params = list(callees[name].params) if name in callees else []
            new_args = tuple(
                _one(arg) if i < len(params) and params[i] == "s" else without_stride(arg, callees)
                for i, arg in enumerate(args)
            )
            new_keywords = tuple(
                (key, _one(arg) if key == "s" else without_stride(arg, callees)) for key, arg in keywords
            )
            if _same(new_args, args) and _same([v for _, v in new_keywords], [v for _, v in keywords]):
                return expr
            return dataclasses.replace(expr, args=new_args, keywords=new_keywords)
        case ast.Sequence(items=items):
            new_items = tuple(without_stride(item, callees) for item in items)
            return expr if _same(new_items, items) else dataclasses.replace(expr, items=new_items)
        case ast.Named(layer=layer):
            new_layer = without_stride(layer, callees)
            return expr if new_layer is layer else dataclasses.replace(expr, layer=new_layer)
        case ast.Choice(options=options):
            new_options = tuple(without_stride(option, callees) for option in options)
            return expr if _same(new_options, options) else dataclasses.replace(expr, options=new_options)
        case ast.Conditional(then=then, other=other):
            new_then, new_other = without_stride(then, callees), without_stride(other, callees)
            return (
                expr
                if _same((new_then, new_other), (then, other))
                else dataclasses.replace(expr, then=new_then, other=new_other)
            )
        case _:
            return expr


def is_stride_free(layer: ast.Expr, callees: Mapping[str, Callee]) -> bool:
    """Return whether a later copy of ``layer`` is as the first: a block by its name, without any stride to drop."""
    if isinstance(layer, ast.Name):
        return layer.name in callees
    return (
        isinstance(layer, ast.Call)
        and layer.name in callees
        and all(type(arg) is ast.Number for arg in (*layer.args, *(arg for _, arg in layer.keywords)))
        and "s" not in [*list(callees[layer.name].params)[: len(layer.args)], *dict(layer.keywords)]
    )


def _one(arg: ast.Expr) -> ast.Expr:
    return ast.Number(1, arg.at) if arg != ast.Number(1) else arg


def _same(new: object, old: object) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True))  # type: ignore[call-overload]
