"""A node's resolved arguments as the language writes them: the way back of ``archlab.ops``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archlab.errors import ArchlabError, LiftError
from archlab.grammar import ast
from archlab.ir import Node, Shape, show_shape
from archlab.lift.text.layers import Call, Value
from archlab.ops import OPAQUE, OPS, apply_op

_RESOLVED = {
    "c": "out_channels",
    "k": "kernel",
    "s": "stride",
    "g": "groups",
    "d": "dilation",
    "p": "padding",
    "out": "output_padding",
}
"""What a parameter is called once it is resolved; ``n`` is the features of a linear layer, or a size."""
_LEFT_OUT = {"mode": "nearest", "align": 0}
"""What an argument is that a resolved operator leaves out, where that is not its parameter's default."""


def operator_call(node: Node, x: Shape, padding: str | None = None) -> Call:
    """Return the call of the language that applied to an input of shape ``x`` gives ``node``.

    Args:
        padding: the padding that is written wherever it says the same as another.

    Raises:
        LiftError: no arguments do.
    """
    if node.op == OPAQUE:
        return Call(node.op, tuple(_opaque_arguments(node.attrs)), x, node.shape, node.name)
    op = OPS[node.op]
    for args in _candidates(node, x, padding):
        try:
            if op.joins or apply_op(node.op, [x], dict(args)).attrs == node.attrs:
                return Call(node.op, args, x, node.shape, node.name)
        except ArchlabError:
            continue
    raise LiftError(f"{node.name}: the language has no {node.op} with {_shown(node.attrs)} on {show_shape(x)}")


def _opaque_arguments(attrs: Any) -> Iterator[tuple[str, Value]]:
    """Yield the arguments of a module that is kept as it is: a name in quotes, shapes, and numbers."""
    same = attrs["out"] == attrs["takes"]
    yield "name", ast.Quoted(attrs["name"])
    yield "takes", _shape_argument(attrs["takes"])
    yield "out", 0 if same else _shape_argument(attrs["out"])
    yield "params", attrs["params"]
    yield "macs", attrs["macs"]
    for name in ("layout", "out_layout"):
        yield name, ast.Quoted(attrs[name]) if name in attrs else 0


def _shape_argument(shape: Shape) -> Value:
    return ast.Size(shape) if len(shape) > 1 else shape[0]


def _candidates(node: Node, x: Shape, first: str | None) -> Iterator[tuple[tuple[str, Value], ...]]:
    args = {name: _argument(name, default, node, x) for name, default in OPS[node.op].signature.items()}
    if "padding" not in node.attrs:
        yield tuple(args.items())
        return
    preferred: list[Value] = [first] if first and node.op != "conv_transpose" else []
    for padding in [*preferred, *_paddings(node)]:
        yield tuple({**args, "p": padding}.items())


def _argument(name: str, default: Any, node: Node, x: Shape) -> Value:
    attrs = node.attrs
    if name == "s" and node.op.endswith("pool") and attrs["stride"] == attrs["kernel"]:
        return 0  # a pooling that strides by its window
    if name == "n":
        return _tidy(attrs.get("out_features", attrs.get("size")))
    if name == "g" and default == 0 and attrs["groups"] == x[0]:
        return 0
    resolved = name if name in attrs else _RESOLVED.get(name, name)
    return _tidy(attrs.get(resolved, _LEFT_OUT.get(name, default)))


def _paddings(node: Node) -> list[Value]:
    """How the padding may be written, the shortest first."""
    if "padding_end" in node.attrs:
        return ["same", "tf"] if node.attrs["padding_end"] == node.attrs["padding"] else ["tf", "same"]
    words: list[Value] = ["same"] if _is_same(node) else []
    return [*words, _tidy(node.attrs["padding"]), "tf"]


def _is_same(node: Node) -> bool:
    sides = zip(node.attrs["kernel"], node.attrs.get("dilation", (1, 1)), strict=True)
    return node.op != "conv_transpose" and tuple((k - 1) * d // 2 for k, d in sides) == tuple(node.attrs["padding"])


def _tidy(value: Any) -> Value:
    """A pair of equals as one number, a flag as 0 or 1, a whole number without a point."""
    if isinstance(value, tuple):
        return value[0] if len(set(value)) == 1 else value
    if isinstance(value, str):
        return value
    return int(value) if value == int(value) else float(value)


def _shown(attrs: Any) -> str:
    return ", ".join(f"{k} {show_shape(v) if isinstance(v, tuple) else v}" for k, v in attrs.items()) or "no arguments"
