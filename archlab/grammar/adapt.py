"""A text for other data: another input size, another number of classes to detect."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from archlab.errors import InputError
from archlab.grammar import ast

_SIZE = re.compile(r"([1-9][0-9]{0,6})x([1-9][0-9]{0,6})x([1-9][0-9]{0,6})")


def with_input(architecture: ast.Architecture, size: str | Sequence[int] | None) -> ast.Architecture:
    """``architecture`` with images of ``size``: channels, height and width, as numbers or as ``3x128x160``.

    Without a size it is returned as it is.

    Raises:
        InputError: ``size`` is not three positive whole numbers.
    """
    if size is None:
        return architecture
    text = size if isinstance(size, str) else "x".join(map(str, size))
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InputError(f"the input size {text!r} is not CxHxW", hint="write it like 3x128x160")
    dims = ast.Size(tuple(map(int, match.groups())))
    others = [(i, name) for i, (name, _) in enumerate(architecture.options) if name != "input"]
    return dataclasses.replace(
        architecture,
        options=(("input", dims), *(architecture.options[i] for i, _ in others)),
        key_at=(architecture.at, *(architecture.key_at[i] for i, _ in others)) if architecture.key_at else (),
    )


def with_classes(architecture: ast.Architecture, classes: int) -> ast.Architecture:
    """``architecture`` with a box head for so many classes of objects, the background not counted.

    Raises:
        InputError: it has no box head, or ``classes`` is not positive.
    """
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise InputError(f"classes must be a whole number of at least 1, not {classes!r}")
    stages = tuple(dataclasses.replace(s, body=_with_classes(s.body, classes)) for s in architecture.stages)
    if not any(_has_box_head(stage.body) for stage in stages):
        raise InputError(f"{architecture.name} has no box head", hint="write one in its stage detect")
    return dataclasses.replace(architecture, stages=stages)


def with_outputs(architecture: ast.Architecture, outputs: int) -> ast.Architecture:
    """``architecture`` with so many outputs of its last layer, where that is ``fc`` or ``linear`` of a number.

    Any other is returned as it is.
    """
    if not architecture.stages:
        return architecture
    *before, last = architecture.stages
    other = dataclasses.replace(last, body=_with_outputs(last.body, outputs))
    return dataclasses.replace(architecture, stages=(*before, other))


def _with_outputs(expr: ast.Expr, outputs: int) -> ast.Expr:
    match expr:
        case ast.Sequence(items=(*before, last)):
            return dataclasses.replace(expr, items=(*before, _with_outputs(last, outputs)))
        case ast.Call(name="fc" | "linear", args=(ast.Number(), *rest)):
            return dataclasses.replace(expr, args=(ast.Number(outputs), *rest))
        case _:
            return expr


def _with_classes(expr: ast.Expr, classes: int) -> ast.Expr:
    match expr:
        case ast.Call(name="box_head", args=args, keywords=keywords):
            kept = tuple((key, value) for key, value in keywords if key != "classes")
            return ast.Call(expr.name, args[:1], (*kept, ("classes", ast.Number(classes))), expr.at)
        case ast.Sequence(items=items):
            return dataclasses.replace(expr, items=tuple(_with_classes(item, classes) for item in items))
        case ast.Choice(options=options):
            return dataclasses.replace(expr, options=tuple(_with_classes(option, classes) for option in options))
        case ast.Conditional(then=then, other=other):
            return dataclasses.replace(expr, then=_with_classes(then, classes), other=_with_classes(other, classes))
        case _:
            return expr


def _has_box_head(expr: ast.Expr) -> bool:
    named = isinstance(expr, ast.Call) and expr.name == "box_head"
    return named or any(_has_box_head(child) for child in ast.children(expr))
