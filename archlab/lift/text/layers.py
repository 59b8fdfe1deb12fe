"""The tree between a graph and its text: what is called, with which arguments, on which shape.

``decompose`` makes a tree of bare operators; each later step makes a more readable one of the same network.
Layers compare by what they would say in a text, so that two places that read alike are equal whatever their shapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from archlab.grammar import ast
from archlab.ir import Shape


@dataclass(frozen=True, slots=True)
class Default:
    """What a parameter is by a default that is computed, such as the bias of ``conv``."""


DEFAULT: Final = Default()


def _shape() -> Shape:
    return field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a block with all its arguments, those at their defaults included.

    Attributes:
        name: what is called.
        args: every parameter in order, with its value.
        x, y: the shapes that enter and leave.
        node: the graph's node that it stands for, where it stands for one.
    """

    name: str
    args: tuple[tuple[str, Value], ...] = ()
    x: Shape = _shape()
    y: Shape = _shape()
    node: str = field(default="", compare=False, repr=False)

    def __getitem__(self, param: str) -> Value:
        return dict(self.args)[param]


@dataclass(frozen=True, slots=True)
class Use:
    """A value that was named before."""

    name: str
    x: Shape = _shape()
    y: Shape = _shape()


@dataclass(frozen=True, slots=True)
class As:
    """A layer whose output has a name; ``uses`` is how often it is used, wherever that is."""

    layer: Call | Form | Use
    name: str
    x: Shape = _shape()
    y: Shape = _shape()
    uses: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """Layers one after another; none of them is the identity."""

    items: tuple[Layer, ...]
    x: Shape = _shape()
    y: Shape = _shape()


@dataclass(frozen=True, slots=True)
class Form:
    """Branches and what joins them, or a ``repeat``: its count, and one branch."""

    name: str
    branches: tuple[Chain, ...]
    x: Shape = _shape()
    y: Shape = _shape()
    count: Value = 0
    node: str = field(default="", compare=False, repr=False)

    @property
    def channels(self) -> int:
        """The channels that enter each branch: what ``in`` means there."""
        return self.x[0] // len(self.branches) if self.name == "split" else self.x[0]


Layer = Call | Form | Use | As
Value = int | float | str | tuple[int, ...] | Default | Call | ast.Expr
"""An argument: a number, a word, a size, a computed default, a layer, or what is written with a block's parameters."""


NONE: Final = Call("none")
"""The layer that does nothing, where a norm or an activation could stand."""
NORMS: Final = ("bn", "gn", "ln")
ACTIVATIONS: Final = (
    *("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish"),
    *("hardswish", "sigmoid", "hardsigmoid", "tanh", "hardtanh", "prelu"),
)


def chain(items: tuple[Layer, ...], x: Shape) -> Chain:
    """``items`` one after another on an input of shape ``x``."""
    return Chain(items, x, items[-1].y if items else x)


def rebuilt(layers: Chain, change: Callable[[Chain], Chain]) -> Chain:
    """``layers`` with ``change`` applied to every chain in it, the innermost first."""
    return change(chain(tuple(_rebuilt_item(item, change) for item in layers.items), layers.x))


def _rebuilt_item(item: Layer, change: Callable[[Chain], Chain]) -> Layer:
    if isinstance(item, Form):
        return replace(item, branches=tuple(rebuilt(branch, change) for branch in item.branches))
    if isinstance(item, As):
        inner = _rebuilt_item(item.layer, change)
        return item if isinstance(inner, As) else replace(item, layer=inner)
    return item


def chains_in(layers: Chain) -> Iterator[Chain]:
    """Every chain in ``layers``, itself first, in the order in which they are read."""
    yield layers
    for item in layers.items:
        form = item.layer if isinstance(item, As) else item
        if isinstance(form, Form):
            for branch in form.branches:
                yield from chains_in(branch)


def free_names(layers: Chain) -> set[str]:
    """The names that ``layers`` uses and does not give."""
    items = [item for inside in chains_in(layers) for item in inside.items]
    used = {item.name for item in items if isinstance(item, Use)}
    used |= {item.layer.name for item in items if isinstance(item, As) and isinstance(item.layer, Use)}
    return used - {item.name for item in items if isinstance(item, As)}


def is_closed(layers: Chain) -> bool:
    """Whether ``layers`` use no name from elsewhere, and nothing elsewhere uses theirs."""
    left: dict[str, int] = {}
    for item in _names_in(layers):
        if isinstance(item, As):
            if left.get(item.name):
                return False
            left[item.name] = item.uses
        elif not left.get(item.name):
            return False
        else:
            left[item.name] -= 1
    return not any(left.values())


def _names_in(layers: Chain) -> Iterator[As | Use]:
    """The names that ``layers`` give and use, in the order in which they are read."""
    for item in layers.items:
        inner = item.layer if isinstance(item, As) else item
        if isinstance(inner, Use):
            yield inner
        elif isinstance(inner, Form):
            for branch in inner.branches:
                yield from _names_in(branch)
        if isinstance(item, As):
            yield item


def uses_in(layers: Chain) -> Counter[str]:
    """How often ``layers`` use each name."""
    items = [item.layer if isinstance(item, As) else item for inside in chains_in(layers) for item in inside.items]
    return Counter(item.name for item in items if isinstance(item, Use))


def calls_in(layers: Chain) -> Iterator[Call]:
    """Every call in ``layers``, in the order in which they are read."""
    for inside in chains_in(layers):
        for item in inside.items:
            call = item.layer if isinstance(item, As) else item
            if isinstance(call, Call):
                yield call


def says_in(value: Value) -> bool:
    """Whether a value is the channels that enter, or a multiple of them."""
    base = value.left if isinstance(value, ast.Binary) else value
    return base == ast.Name("in")
