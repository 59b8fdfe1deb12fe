"""Names of values inside the stages and blocks that give and use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from archlab.lift.text.layers import As, Call, Chain, Form, Layer, Use, chain, chains_in, uses_in

_FEW = ("x", "y", "z")


def with_own_names(layers: Chain) -> Chain:
    """Return ``layers`` with the names that no other item uses numbered in their item: equal items have equal names."""
    uses = uses_in(layers)
    return chain(tuple(_own(item, 0, uses) for item in layers.items), layers.x)


def _own(item: Layer, level: int, uses: Counter[str]) -> Layer:
    if isinstance(item, As):
        inner = _own(item.layer, level, uses)
        assert not isinstance(inner, As)
        return replace(item, layer=inner, uses=uses[item.name])
    if not isinstance(item, Form):
        return item
    here = uses_in(chain((item,), item.x))
    inside = tuple(chain(tuple(_own(i, level + 1, uses) for i in branch.items), branch.x) for branch in item.branches)
    numbers: dict[str, str] = {}

    def name_of(name: str, is_given: bool) -> str:
        if is_given and not name.startswith("#") and uses[name] == here[name]:
            numbers[name] = f"#{level}.{len(numbers)}"
        return numbers.get(name, name)

    return _named(replace(item, branches=inside), name_of)


def with_local_names(layers: Chain) -> Chain:
    """Return the layers of a stage or a block with the names that they give as x, y, z, or x1, x2 and so on."""
    given = sum(isinstance(item, As) for inside in chains_in(layers) for item in inside.items)
    names: dict[str, str] = {}
    count = 0

    def name_of(name: str, is_given: bool) -> str:
        nonlocal count
        if is_given:
            names[name] = _FEW[count] if given <= len(_FEW) else f"x{count + 1}"
            count += 1
        return names.get(name, name)

    return chain(tuple(_named(item, name_of) for item in layers.items), layers.x)


def _named(item: Layer, name_of: Callable[[str, bool], str]) -> Layer:
    """``item`` with other names, asked for in the order in which they are read: those given, and those used."""
    match item:
        case As(layer=layer, name=name):
            inner = _named(layer, name_of)
            assert not isinstance(inner, As)
            return replace(item, layer=inner, name=name_of(name, True))
        case Use(name=name):
            return replace(item, name=name_of(name, False))
        case Form(branches=branches):
            parts = (chain(tuple(_named(i, name_of) for i in branch.items), branch.x) for branch in branches)
            return replace(item, branches=tuple(parts))
        case Call():
            return item
