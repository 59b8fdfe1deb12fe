"""Bare operators as the blocks and forms that a text has for them: ``conv`` with norm and activation, ``residual`` …"""

from __future__ import annotations

from dataclasses import replace

from archlab.ir import Shape
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.layers import (
    ACTIVATIONS,
    DEFAULT,
    NONE,
    NORMS,
    As,
    Call,
    Chain,
    Form,
    Layer,
    Use,
    Value,
    chain,
    free_names,
    rebuilt,
)
from archlab.lift.text.written import params_of

BN = Call("bn", tuple((name, value) for name, value in params_of("bn").items() if value is not None))
_SYMMETRIC = ("add", "mul")
UPSAMPLING = ("upsample", "resize", "conv_transpose")


def fuse(tree: Chain, defaults: Defaults = NO_DEFAULTS) -> Chain:
    """Return ``tree`` with convolutions, fully connected layers and joins as the language's blocks and forms."""
    return rebuilt(tree, lambda layers: _fused(layers, defaults))


def _fused(layers: Chain, defaults: Defaults) -> Chain:
    items: list[Layer] = []
    rest = list(layers.items)
    while rest:
        first = rest.pop(0)
        item = first.layer if isinstance(first, As) else first
        if isinstance(item, Form):
            item = _form(_with_upsampling(item, items), defaults)
        if isinstance(first, As):
            items.append(replace(first, layer=item))
        elif isinstance(item, Call) and item.name == "conv2d":
            items.append(_convolution(item, rest))
        elif (
            isinstance(item, Call)
            and item.name == "flatten"
            and (linear := _next(rest, ("linear",)))
            and linear["bias"]
        ):
            rest.pop(0)
            items.append(Call("fc", (("n", linear["n"]),), item.x, linear.y, linear.node))
        else:
            items.append(item)
    return chain(tuple(items), layers.x)


def _next(rest: list[Layer], names: tuple[str, ...]) -> Call | None:
    """The call that stands next, where it is one of ``names``, unless its output has a name."""
    first = rest[0] if rest else None
    return first if isinstance(first, Call) and first.name in names else None


def _with_upsampling(form: Form, before: list[Layer]) -> Form:
    """A join of the chain with named values, with the upsampling before it in its branch: ``cat(upsample, enc1)``."""
    empty = [i for i, branch in enumerate(form.branches) if not branch.items]
    by_name = sum(bool(branch.items) and isinstance(branch.items[0], Use) for branch in form.branches)
    last = before[-1] if before else None
    if (
        len(empty) != 1
        or by_name != len(form.branches) - 1
        or not isinstance(last, Call)
        or last.name not in UPSAMPLING
    ):
        return form
    before.pop()
    branches = tuple(
        chain((last,), last.x) if i == empty[0] else replace(b, x=last.x) for i, b in enumerate(form.branches)
    )
    return replace(form, branches=branches, x=last.x)


# --- convolutions ----------------------------------------------------------------------------------------------------


def _convolution(conv: Call, rest: list[Layer]) -> Call | As:
    """``conv`` with the norm and the activation behind it, which leave ``rest``; it keeps the name of the last."""
    norm, named = _taken(rest, NORMS)
    act, named = (NONE, named) if named else _taken(rest, ACTIVATIONS)
    last = act if act != NONE else norm
    fused = conv if last == NONE else _with_norm(conv, _bare(norm), _bare(act), last)
    return replace(named, layer=fused, x=fused.x, y=fused.y) if named else fused


def _taken(rest: list[Layer], names: tuple[str, ...]) -> tuple[Call, As | None]:
    """The layer that stands next, where it is one of ``names``, and the same with its name: both leave ``rest``."""
    first = rest[0] if rest else None
    named = first if isinstance(first, As) else None
    call = first if named is None else named.layer
    if not isinstance(call, Call) or call.name not in names:
        return NONE, None
    rest.pop(0)
    return call, named


def _bare(layer: Call) -> Call:
    return Call(layer.name, layer.args)


def _with_norm(conv: Call, norm: Call, act: Call, last: Layer) -> Call:
    assert isinstance(last, Call)
    given = dict(conv.args)
    bias: Value = DEFAULT if given["bias"] == int(norm == NONE) else given["bias"]
    tail: tuple[tuple[str, Value], ...] = (("act", act), ("norm", norm), ("bias", bias))
    c, k, s, p = given["c"], given["k"], given["s"], given["p"]
    depthwise = given["g"] == conv.x[0] > 1 and given["d"] == 1 and p in ("same", "tf") and bias == DEFAULT
    if depthwise and isinstance(c, int):
        args = (("k", k), ("s", s), ("dm", c // conv.x[0]), *tail[:2], ("p", p))
        return Call("depthwise", args, conv.x, last.y, last.node)
    args = (("c", c), ("k", k), ("s", s), ("g", given["g"]), ("d", given["d"]), ("p", p), *tail)
    return Call("conv", args, conv.x, last.y, last.node)


# --- forms -----------------------------------------------------------------------------------------------------------


def _form(form: Form, defaults: Defaults) -> Form:
    if form.name == "cat" and (shares := _split(form)):
        return shares
    if form.name == "add" and len(form.branches) == 2 and (sum_ := _residual(form, defaults)):
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


def _residual(form: Form, defaults: Defaults) -> Form | None:
    """The sum of two branches as ``residual``, with the shortcut written where the form would not find it."""
    first, second = form.branches
    body, shortcut = (first, second) if len(first.items) >= len(second.items) else (second, first)
    if not body.items or isinstance(body.items[0], Use) or body.y != shortcut.y:
        return None
    if body is second and free_names(body):  # which may be named in the first
        return None
    if not shortcut.items or _is_projection(shortcut, form.x, form.y, defaults):
        branches: tuple[Chain, ...] = (body,)
    elif _is_projection(body, form.x, form.y, defaults):
        branches = (shortcut,)
    elif form.x != form.y:
        branches = (body, shortcut)
    else:
        return None
    return Form("residual", branches, form.x, form.y, node=form.node)


def _is_projection(branch: Chain, x: Shape, y: Shape, defaults: Defaults) -> bool:
    """Whether ``residual`` makes this shortcut by itself: a strided 1x1 convolution and its norm, for a new shape."""
    if x == y or len(x) != 3 or len(y) != 3 or len(branch.items) != 1:
        return False
    down = -(-x[1] // y[1]), -(-x[2] // y[2])
    stride: Value = down[0] if down[0] == down[1] else down
    return branch.items[0] == _projection(x, y, stride, defaults)


def _projection(x: Shape, y: Shape, stride: Value, defaults: Defaults) -> Call:
    """The shortcut of a ``residual`` as ``fuse`` writes it."""
    norm = defaults.norm or BN
    args = (("c", y[0]), ("k", 1), ("s", stride), ("g", 1), ("d", 1), ("p", defaults.p or "same"))
    conv = Call("conv2d", (*args, ("bias", int(norm == NONE))), x, y)
    return conv if norm == NONE else _with_norm(conv, norm, NONE, conv)
