"""Layers that stand in a residual where their shapes allow it, and alone elsewhere: ``skip``."""

from __future__ import annotations

from archlab.lift.text.layers import ACTIVATIONS, Call, Chain, Form, Layer, chain, chains_in, rebuilt
from archlab.lift.text.prelude_samples import skeleton

Body = tuple[object, ...]


def with_skips(tree: Chain) -> Chain:
    """Return ``tree`` with ``skip`` for the residuals whose layers stand alone where they change the shape."""
    bodies = {
        _body(item.branches[0].items)
        for layers in chains_in(tree)
        for item in layers.items
        if isinstance(item, Form) and _is_plain(item) and len(item.branches[0].items) > 1
    }
    alone = {found for layers in chains_in(tree) for found, _, _ in _alone(layers, bodies)}
    return rebuilt(tree, lambda layers: _skipped(layers, alone)) if alone else tree


def _is_plain(item: Layer) -> bool:
    """Whether an item is the sum of one branch and the input itself."""
    return isinstance(item, Form) and item.name in ("residual", "skip") and len(item.branches) == 1 and item.x == item.y


def _alone(layers: Chain, bodies: set[Body]) -> list[tuple[Body, int, int]]:
    """The places in a chain, as (body, first, behind), where a residual's body changes the shape.

    Only beside such a residual: a body that is the whole of a branch has its own shortcut.
    """
    beside = {_body(item.branches[0].items) for item in layers.items if _is_plain(item) and isinstance(item, Form)}
    bodies = bodies & beside
    found: list[tuple[Body, int, int]] = []
    lengths = sorted({len(body) for body in bodies}, reverse=True)
    bones = _body(layers.items)
    i = 0
    while i < len(bones):
        for n in lengths:
            body = bones[i : i + n]
            if body in bodies and layers.items[i].x != layers.items[i + n - 1].y:
                found.append((body, i, i + n))
                i += n
                break
        else:
            i += 1
    return found


def _skipped(layers: Chain, alone: set[Body]) -> Chain:
    items: list[Layer] = []
    done = 0
    for _, first, behind in _alone(layers, alone):
        items += layers.items[done:first]
        part = chain(layers.items[first:behind], layers.items[first].x)
        items.append(Form("skip", (part,), part.x, part.y))
        done = behind
    items += layers.items[done:]
    return chain(tuple(_as_skip(item, alone) for item in items), layers.x)


def _as_skip(item: Layer, alone: set[Body]) -> Layer:
    if _is_plain(item) and isinstance(item, Form) and _body(item.branches[0].items) in alone:
        return Form("skip", item.branches, item.x, item.y, node=item.node)
    return item


def _body(items: tuple[Layer, ...]) -> Body:
    """What layers are made of: a convolution without activation is another thing than one with it."""
    return tuple(map(_kind, items))


def _kind(item: Layer) -> object:
    if isinstance(item, Call) and item.name not in ACTIVATIONS:
        given = dict(item.args)
        act = given.get("act")
        return item.name, given.get("k") == 1, act.name if isinstance(act, Call) else act
    return skeleton(item)
