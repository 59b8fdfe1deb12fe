"""Bare operators as the blocks and forms that a text has for them: ``conv`` with norm and activation, ``residual`` …"""

from __future__ import annotations

from archlab.errors import LiftError
from archlab.ir import Shape, show_shape
from archlab.lift.layers import DEFAULT, Call, Chain, Form, Layer, Value, chain, rebuilt
from archlab.lift.written import params_of
from archlab.ops import OPS

NORMS = ("bn", "gn", "ln")
ACTIVATIONS = tuple(name for name, op in OPS.items() if not op.joins and op.arity == range(1, 2) and name in (
    "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "hardswish", "sigmoid", "hardsigmoid", "tanh", "prelu",
))  # fmt: skip
NONE = Call("none")
BN = Call("bn", tuple((name, value) for name, value in params_of("bn").items() if value is not None))
_SYMMETRIC = ("add", "mul")


def fuse(tree: Chain) -> Chain:
    """Return ``tree`` with convolutions, fully connected layers and joins as the language's blocks and forms.

    Raises:
        LiftError: a part of a map is taken that ``split`` does not give.
    """
    return rebuilt(tree, _fused)


def _fused(layers: Chain) -> Chain:
    items: list[Layer] = []
    rest = list(layers.items)
    while rest:
        item = rest.pop(0)
        if isinstance(item, Form):
            item = _form(item)
        elif isinstance(item, Call) and item.name == "conv2d":
            item = _convolution(item, rest)
        elif isinstance(item, Call) and item.name == "flatten" and _is(rest, "linear") and rest[0]["bias"] == 1:  # type: ignore[index]
            linear = rest.pop(0)
            assert isinstance(linear, Call)
            item = Call("fc", (("n", linear["n"]),), item.x, linear.y, linear.node)
        items.append(item)
    return chain(tuple(items), layers.x)


def _is(rest: list[Layer], *names: str) -> bool:
    return bool(rest) and isinstance(rest[0], Call) and rest[0].name in names


def _layer(rest: list[Layer], names: tuple[str, ...]) -> Call:
    if not _is(rest, *names):
        return NONE
    first = rest.pop(0)
    assert isinstance(first, Call)
    return first


# --- convolutions ----------------------------------------------------------------------------------------------------


def _convolution(conv: Call, rest: list[Layer]) -> Call:
    """``conv`` with the norm and the activation behind it, which leave ``rest``."""
    norm = _layer(rest, NORMS)
    act = _layer(rest, ACTIVATIONS)
    if norm == NONE and act == NONE:
        return conv
    return _with_norm(conv, _bare(norm), _bare(act), norm if act == NONE else act)


def _bare(layer: Call) -> Call:
    return Call(layer.name, layer.args)


def _with_norm(conv: Call, norm: Call, act: Call, last: Layer) -> Call:
    assert isinstance(last, Call)
    given = dict(conv.args)
    bias: Value = DEFAULT if given["bias"] == int(norm == NONE) else given["bias"]
    tail: tuple[tuple[str, Value], ...] = (("act", act), ("norm", norm), ("bias", bias))
    c, k, s, p = given["c"], given["k"], given["s"], given["p"]
    depthwise = given["g"] == conv.x[0] > 1 and given["d"] == 1 and p == "same" and bias == DEFAULT
    if depthwise and isinstance(c, int):
        args = (("k", k), ("s", s), ("dm", c // conv.x[0]), *tail[:2])
        return Call("depthwise", args, conv.x, last.y, last.node)
    args = (("c", c), ("k", k), ("s", s), ("g", given["g"]), ("d", given["d"]), ("p", p), *tail)
    return Call("conv", args, conv.x, last.y, last.node)


# --- forms -----------------------------------------------------------------------------------------------------------


def _form(form: Form) -> Form:
    if form.name == "cat" and (shares := _split(form)):
        return shares
    for branch in form.branches:
        if branch.items and isinstance(branch.items[0], Call) and branch.items[0].name == "slice":
            start, stop = (branch.items[0][name] for name in ("start", "stop"))
            raise LiftError(
                f"{branch.items[0].node}: channels {start} to {stop} of {show_shape(form.x)} are taken by themselves,"
                " and the language has only `split`, which takes equal shares of all"
            )
    if form.name == "add" and len(form.branches) == 2 and (sum_ := _residual(form)):
        return sum_
    if form.name in _SYMMETRIC:
        ordered = sorted(form.branches, key=lambda branch: (len(branch.items) > 0, 0))
        return Form(form.name, tuple(ordered), form.x, form.y, node=form.node)
    return form


def _split(form: Form) -> Form | None:
    """The concatenation of what becomes of equal shares of the channels, as a ``split``."""
    n = len(form.branches)
    share = form.x[0] // n
    branches: list[Chain] = []
    for i, branch in enumerate(form.branches):
        first = branch.items[0] if branch.items else None
        if not isinstance(first, Call) or first.name != "slice":
            return None
        if (first["start"], first["stop"]) != (i * share, (i + 1) * share) or form.x[0] % n:
            return None
        branches.append(chain(branch.items[1:], first.y))
    return Form("split", tuple(branches), form.x, form.y, node=form.node) if n > 1 else None


def _residual(form: Form) -> Form | None:
    """The sum of two branches as ``residual``, with the shortcut written where the form would not find it."""
    first, second = form.branches
    body, shortcut = (first, second) if len(first.items) >= len(second.items) else (second, first)
    if not body.items:
        return None
    if not shortcut.items or _is_projection(shortcut, form.x, form.y):
        branches: tuple[Chain, ...] = (body,)
    elif _is_projection(body, form.x, form.y):
        branches = (shortcut,)
    elif form.x != form.y:
        branches = (body, shortcut)
    else:
        return None
    return Form("residual", branches, form.x, form.y, node=form.node)


def _is_projection(branch: Chain, x: Shape, y: Shape) -> bool:
    """Whether ``residual`` makes this shortcut by itself: a strided 1x1 convolution and its norm, for a new shape."""
    if x == y or len(x) != 3 or len(y) != 3 or len(branch.items) != 1:
        return False
    down = -(-x[1] // y[1]), -(-x[2] // y[2])
    stride: Value = down[0] if down[0] == down[1] else down
    return branch.items[0] == projection(y[0], stride)


def projection(c: int, stride: Value) -> Call:
    """Return the shortcut of a ``residual`` as ``fuse`` writes it."""
    conv = Call("conv2d", (("c", c), ("k", 1), ("s", stride), ("g", 1), ("d", 1), ("p", "same"), ("bias", 0)), (2, 1, 1))
    return _with_norm(conv, BN, NONE, conv)
