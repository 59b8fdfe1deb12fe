"""The values in a piece of a text: every argument of every call, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archlab.grammar import ast
from archlab.lift.text.layers import ACTIVATIONS, NORMS, As, Call, Chain, Form, Layer, Use, Value, chain
from archlab.ops import OPAQUE


@dataclass(frozen=True, slots=True)
class Place:
    """Layers somewhere in a text.

    Attributes:
        layers: the layers.
        fixed: whether their shapes are those of the network: in a block's body they are those of one use of it.
    """

    layers: Chain
    fixed: bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value in a place: of which call and parameter, what ``in`` means there, and in how many forms it stands."""

    call: str
    param: str
    value: Value
    channels: int | None
    depth: int


def leaves(layers: Chain, channels: int | None, depth: int = 0) -> Iterator[Leaf]:
    """Yield the values in ``layers``, which so many channels enter; an activation or a norm is a value by itself."""
    for item in layers.items:
        inner = item.layer if isinstance(item, As) else item
        if isinstance(inner, Call) and inner.name in (*ACTIVATIONS, *NORMS):
            kind = "act" if inner.name in ACTIVATIONS else "norm"
            yield Leaf(inner.name, kind, Call(inner.name, inner.args), channels, depth)
        elif isinstance(inner, Call) and inner.name != OPAQUE:
            for param, value in inner.args:
                yield Leaf(inner.name, param, value, channels, depth)
        elif isinstance(inner, Form):
            if inner.name == "repeat":
                yield Leaf("repeat", "count", inner.count, channels, depth)
            inside = channels if inner.name == "repeat" else inner.channels if channels is not None else None
            for branch in inner.branches:
                yield from leaves(branch, inside, depth + 1)


def filled(layers: Chain, values: Iterator[Value]) -> Chain:
    """``layers`` with other values, in the order of ``leaves``."""
    return chain(tuple(_filled_item(item, values) for item in layers.items), layers.x)


def _filled_item(item: Layer, values: Iterator[Value]) -> Layer:
    match item:
        case As(layer=layer):
            inner = _filled_item(layer, values)
            assert not isinstance(inner, As)
            return replace(item, layer=inner)
        case Call(name=name) if name in (*ACTIVATIONS, *NORMS):
            value = next(values)
            if isinstance(value, ast.Name):
                return Use(value.name, item.x, item.y)
            assert isinstance(value, Call)
            return replace(item, args=value.args)
        case Call(name=name, args=args) if name != OPAQUE:
            return replace(item, args=tuple((param, next(values)) for param, _ in args))
        case Form(name=name, count=count):
            count = next(values) if name == "repeat" else count
            return replace(item, count=count, branches=tuple(filled(b, values) for b in item.branches))
    return item
