"""The blocks of a draft in the order in which they build on each other, under the names of their roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archlab.lift.text.block_names import block_name
from archlab.lift.text.drafts import Block, Draft
from archlab.lift.text.layers import Call, Chain, Layer, calls_in, chain, rebuilt
from archlab.lift.text.written import prelude_params


def with_tidy_blocks(draft: Draft) -> Draft:
    """Return ``draft`` with each block before those that call it, numbered in this order where roles are the same."""
    ordered = _ordered(draft)
    taken = set(prelude_params())
    names: dict[str, str] = {}
    for block in ordered:
        names[block.name] = block_name(_expanded(block.body, draft), taken)
        taken.add(names[block.name])
    blocks = tuple(replace(b, name=names[b.name], body=_renamed(b.body, names)) for b in ordered)
    return Draft(_renamed(draft.tree, names), blocks, draft.defaults)


def _ordered(draft: Draft) -> list[Block]:
    by_name = {block.name: block for block in draft.blocks}
    done: dict[str, Block] = {}

    def visit(layers: Chain) -> None:
        for call in calls_in(layers):
            if call.name in by_name and call.name not in done:
                visit(by_name[call.name].body)
                done[call.name] = by_name[call.name]

    visit(draft.tree)
    return list(done.values())


def _expanded(body: Chain, draft: Draft) -> Chain:
    """A block's body with the plain blocks that it calls written out, for its role."""
    by_name = {block.name: block for block in draft.blocks}

    def expand(layers: Chain) -> Chain:
        items: list[Layer] = []
        for item in layers.items:
            inner = by_name.get(item.name) if isinstance(item, Call) else None
            items += (item,) if inner is None else rebuilt(inner.body, expand).items
        return chain(tuple(items), layers.x)

    return rebuilt(body, expand)


def _renamed(layers: Chain, names: Mapping[str, str]) -> Chain:
    def rename(inside: Chain) -> Chain:
        return chain(tuple(_with_new_name(item, names) for item in inside.items), inside.x)

    return rebuilt(layers, rename)


def _with_new_name(item: Layer, names: Mapping[str, str]) -> Layer:
    return replace(item, name=names[item.name]) if isinstance(item, Call) and item.name in names else item
