"""A node's resolved arguments as the language writes them: the way back of ``archlab.ops``."""

from __future__ import annotations

from typing import Any

from archlab.errors import ArchlabError, LiftError
from archlab.ir import Node, Shape, show_shape
from archlab.lift.layers import Call, Value
from archlab.ops import OPS, apply_op

_RESOLVED = {"c": "out_channels", "k": "kernel", "s": "stride", "g": "groups", "d": "dilation", "p": "padding"}
"""What a parameter is called once it is resolved; ``n`` is the features of a linear layer, or a size."""


def operator_call(node: Node, x: Shape) -> Call:
    """Return the call of the language that applied to an input of shape ``x`` gives ``node``.

    Raises:
        LiftError: no arguments do.
    """
    call = Call(node.op, _arguments(node, x), x, node.shape, node.name)
    op = OPS[node.op]
    try:
        same = op.joins or apply_op(node.op, [x], dict(call.args)).attrs == node.attrs
    except ArchlabError as error:
        raise LiftError(f"{node.name}: {node.op} cannot be written: {error.message}") from None
    if not same:
        raise LiftError(f"{node.name}: the language has no {node.op} with {_shown(node.attrs)}")
    return call


def _arguments(node: Node, x: Shape) -> tuple[tuple[str, Value], ...]:
    return tuple((name, _argument(name, node.attrs, x)) for name in OPS[node.op].signature)


def _argument(name: str, attrs: Any, x: Shape) -> Value:
    if name == "p" and "padding" in attrs:
        return _padding(attrs)
    if name == "s" and "dilation" not in attrs and attrs.get("stride") == attrs.get("kernel"):
        return 0  # a pooling that strides by its window
    if name == "n" and "out_features" in attrs:
        return _tidy(attrs["out_features"])
    if name == "n":
        return _tidy(attrs["size"])
    if name not in attrs and name not in _RESOLVED:
        raise KeyError(name)
    return _tidy(attrs[name] if name in attrs else attrs[_RESOLVED[name]])


def _padding(attrs: Any) -> Value:
    dilation = attrs.get("dilation", (1, 1))
    same = tuple((k - 1) * d // 2 for k, d in zip(attrs["kernel"], dilation, strict=True))
    return "same" if tuple(attrs["padding"]) == same else _tidy(attrs["padding"])


def _tidy(value: Any) -> Value:
    """A pair of equals as one number, a flag as 0 or 1, a whole number without a point."""
    if isinstance(value, tuple):
        return value[0] if len(set(value)) == 1 else value
    if isinstance(value, str):
        return value
    return int(value) if value == int(value) else float(value)


def _shown(attrs: Any) -> str:
    return ", ".join(f"{k} {show_shape(v) if isinstance(v, tuple) else v}" for k, v in attrs.items())
