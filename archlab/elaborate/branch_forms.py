"""The forms that join branches: residual, skip, add, mul, cat and split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from archlab.elaborate.fragment import Fragment, NamedFragment, chain, gives_nothing, join, leaf
from archlab.elaborate.scope import Scope
from archlab.errors import ElaborationError
from archlab.grammar import ast
from archlab.ir import Shape, show_shape
from archlab.ops import apply_op


class Branches(Protocol):
    """What a form needs: its branches elaborated."""

    def layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``expr`` on an input of shape ``x``."""
        ...

    def projection(self, channels: int, stride: tuple[int, int], scope: Scope, x: Shape) -> Fragment:
        """Return the prelude's projection."""
        ...


Form = Callable[[Branches, ast.Call, Scope, Shape], Fragment]


def _residual(branches: Branches, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
    """``residual(x)`` projects the shortcut where the shape asks for it; ``residual(x, shortcut)`` says how."""
    inner = scope.inside(x[0])
    body = branches.layer(call.args[0], inner, x)
    if len(call.args) == 2:
        return _sum(body, branches.layer(call.args[1], inner, x), x)
    if body.shape == x or gives_nothing(body):
        return _sum(body, chain((), x), x)
    stride = _projection_stride(x, body.shape)
    return _sum(body, branches.projection(body.shape[0], stride, inner, x), x)


def _skip(branches: Branches, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
    """``skip(x)`` adds the input where it has the output's shape, and is ``x`` elsewhere (MobileNet v2)."""
    body = branches.layer(call.args[0], scope.inside(x[0]), x)
    return _sum(body, chain((), x), x) if body.shape == x or gives_nothing(body) else body


def _join(branches: Branches, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
    inner = scope.inside(x[0])
    parts = [(str(i), branches.layer(arg, inner, x)) for i, arg in enumerate(call.args)]
    return join(call.name, parts, x)


def _split(branches: Branches, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
    """Each branch gets an equal share of the channels; the outputs are concatenated (ShuffleNet v2)."""
    n = len(call.args)
    if x[0] % n:
        raise ElaborationError(f"{x[0]} channels cannot be split evenly between {n} branches")
    width = x[0] // n
    inner = scope.inside(width)
    parts: list[NamedFragment] = []
    for i, arg in enumerate(call.args):
        part = leaf(apply_op("slice", [x], {"start": i * width, "stop": (i + 1) * width}), x)
        body = branches.layer(arg, inner, part.shape)
        parts.append((str(i), chain([("slice", part), (leaf_name(body), body)], x)))
    return join("cat", parts, x)


BRANCH_FORMS: Mapping[str, Form] = {
    "residual": _residual,
    "skip": _skip,
    "add": _join,
    "sub": _join,
    "mul": _join,
    "cat": _join,
    "split": _split,
}


def leaf_name(fragment: Fragment) -> str:
    """What a part is called that the text gives no name: an operator by itself; other parts' parts have names."""
    return fragment.op.op if fragment.op is not None and not fragment.parts else ""


def _sum(body: Fragment, shortcut: Fragment, x: Shape) -> Fragment:
    if body.shape != shortcut.shape and not gives_nothing(body) and not gives_nothing(shortcut):
        raise ElaborationError(
            f"its branch gives {show_shape(body.shape)} and its shortcut {show_shape(shortcut.shape)}:"
            " the shapes of a residual must be equal"
        )
    # A branch that is a chain needs no name of its own: stage1.0.conv and not stage1.0.branch.conv.
    name = "" if body.op is None else body.op.op
    return join("add", [(name, body), ("shortcut", shortcut)], x)


def _projection_stride(x: Shape, target: Shape) -> tuple[int, int]:
    """Return the stride with which a 1x1 convolution takes the map ``x`` to the size of ``target``.

    Raises:
        ElaborationError: none does.
    """
    if len(target) == len(x) == 3:
        down = -(-x[1] // target[1]), -(-x[2] // target[2])
        if ((x[1] - 1) // down[0] + 1, (x[2] - 1) // down[1] + 1) == target[1:]:
            return down
    raise ElaborationError(
        f"its branch gives {show_shape(target)} from {show_shape(x)}: no stride of a 1x1 projection does that",
        hint="pad the branch, or give the shortcut as the second argument",
    )
