"""Short names for the values that are named inside a stage or a block."""

from __future__ import annotations

from dataclasses import replace

from archlab.lift.layers import As, Chain, Layer, Use, chain, chains_in, rebuilt

_FEW = ("x", "y", "z")


def with_local_names(layers: Chain) -> Chain:
    """Return the layers of a stage or a block with the names that they give as x, y, z, or x1, x2 and so on."""
    given = [item.name for inside in chains_in(layers) for item in inside.items if isinstance(item, As)]
    few = len(given) <= len(_FEW)
    names = {name: _FEW[i] if few else f"x{i + 1}" for i, name in enumerate(given)}
    return rebuilt(layers, lambda inside: chain(tuple(_renamed(item, names) for item in inside.items), inside.x))


def _renamed(item: Layer, names: dict[str, str]) -> Layer:
    if isinstance(item, As):
        inner = _renamed(item.layer, names)
        assert not isinstance(inner, As)
        return replace(item, layer=inner, name=names[item.name])
    return replace(item, name=names.get(item.name, item.name)) if isinstance(item, Use) else item
