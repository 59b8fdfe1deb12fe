"""The blocks of a text: what stands in several places, where naming it makes the text shorter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from archlab.grammar import unparse_expr
from archlab.lift.text.block_names import block_name
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.drafts import Block, Draft
from archlab.lift.text.fold import at_stride_one
from archlab.lift.text.layers import As, Call, Chain, Form, Layer, Use, chain
from archlab.lift.text.unify import Unified, unify
from archlab.lift.text.windows import BRANCHES, KINDS, Key, Views, Window, is_unit, windows_of
from archlab.lift.text.written import Blocks, text_of

LEAST_SAVINGS = (8, 40, 20)
"""Characters that a block must save, by its kind: names cost the reader something too."""
MOST_PARAMETERS = (8, 4, 5)
"""Parameters that a block may have, by its kind."""
MOST_BLOCKS = 16
_ARROW = len(" -> ")


@dataclass(frozen=True, slots=True)
class _Candidate:
    key: Key
    block: Block
    unified: Unified
    saving: int


def with_blocks(tree: Chain, kinds: tuple[int, ...] = KINDS, defaults: Defaults = NO_DEFAULTS) -> Draft:
    """Return ``tree`` with what occurs several times as blocks, in each kind first what saves most characters.

    Args:
        kinds: the kinds of blocks in the order in which they are looked for.
        defaults: what the text sets for all its blocks.
    """
    draft = Draft(tree, (), defaults)
    lengths: dict[Layer, int] = {}
    views = Views()
    for kind in kinds:
        while len(draft.blocks) < MOST_BLOCKS and (best := _best(draft, kind, lengths, views)):
            draft = _taken(draft, best, views)
    return draft


# --- candidates ------------------------------------------------------------------------------------------------------


def _best(draft: Draft, kind: int, lengths: dict[Layer, int], views: Views) -> _Candidate | None:
    """The candidate that saves most; those that could save most are tried first."""

    def length(layers: Chain) -> int:
        for item in layers.items:
            if item not in lengths:
                lengths[item] = len(text_of(item, draft.known))
        return sum(lengths[item] + _ARROW for item in layers.items) - _ARROW

    written: list[tuple[int, int, Key, list[Window]]] = []
    for key, windows in windows_of(draft, kind, views).items():
        if len(windows) > 1:
            distinct = [length(w.place.layers) for w in windows if w.written]
            if len(distinct) > 1 and sum(distinct) - max(distinct) // 2 >= LEAST_SAVINGS[kind]:
                written.append((sum(distinct) - max(distinct) // 2, sum(distinct), key, windows))
    best: _Candidate | None = None
    for bound, before, key, windows in sorted(written, key=lambda item: -item[0]):
        if best is not None and bound <= best.saving:
            break
        candidate = _candidate(key, windows, before, kind, draft)
        if candidate and candidate.saving >= LEAST_SAVINGS[kind] and (best is None or candidate.saving > best.saving):
            best = candidate
    return best


def _candidate(key: Key, windows: list[Window], before: int, kind: int, draft: Draft) -> _Candidate | None:
    """The block for ``windows``, which take ``before`` characters as they are; None where it would not be read."""
    unified = unify([window.place for window in windows], draft.defaults)
    if unified is None or _is_unwieldy(unified, kind):
        return None
    name = block_name(unified.body, draft.known)
    block = Block(name, unified.params, unified.body, any(is_unit(item, draft.units) for item in unified.body.items))
    known = {**draft.known, name: unified.params}
    after = _definition_length(block, known)
    calls = [_call(block, args) for args in unified.args]
    for i, (window, call) in enumerate(zip(windows, calls, strict=True)):
        if window.written and not (window.follows and at_stride_one(calls[i - 1]) == call):
            after += len(text_of(call, known))
    return _Candidate(key, block, unified, before - after)


def _call(block: Block, args: tuple[object, ...]) -> Call:
    return Call(block.name, tuple(zip(block.params, args, strict=True)))  # type: ignore[arg-type]


def _definition_length(block: Block, known: Blocks) -> int:
    written = block.syntax(known)
    params = [p.name if p.default is None else f"{p.name}={unparse_expr(p.default)}" for p in written.params]
    return len(f"block {block.name}({', '.join(params)}) = {unparse_expr(written.body)}\n")


def _is_unwieldy(unified: Unified, kind: int) -> bool:
    """Whether a block is nothing but its parameters, or has more than could be read at a call."""
    if all(isinstance(item, Use) for item in unified.body.items):
        return True
    second = sum(name[-1] == "2" and name[0] in "ksp" for name in unified.params)
    return len(unified.params) > MOST_PARAMETERS[kind] or second > (kind == BRANCHES)


# --- putting a block in its places -----------------------------------------------------------------------------------


def _taken(draft: Draft, candidate: _Candidate, views: Views) -> Draft:
    """Return ``draft`` with the calls of a block where its layers were."""
    args = iter(candidate.unified.args)

    def replaced(layers: Chain) -> Chain:
        view = views.of(layers, draft.units)
        items: list[Layer] = []
        i = 0
        while i < len(layers.items):
            if view.is_window(i, candidate.key):
                window = layers.items[i : i + len(candidate.key)]
                items.append(replace(_call(candidate.block, next(args)), x=window[0].x, y=window[-1].y))
                i += len(window)
            else:
                items.append(layers.items[i])
                i += 1
        return _as_before(layers, items)

    blocks = tuple(replace(block, body=_outside_first(block.body, replaced)) for block in draft.blocks)
    tree = _outside_first(draft.tree, replaced)
    return Draft(tree, (candidate.block, *blocks), draft.defaults)


def _outside_first(layers: Chain, change: Callable[[Chain], Chain]) -> Chain:
    """``layers`` with ``change`` applied to every chain, in the order in which ``chains_in`` reads them."""
    changed = change(layers)
    return _as_before(changed, [_inside(item, change) for item in changed.items])


def _as_before(layers: Chain, items: Sequence[Layer]) -> Chain:
    """Return the chain of ``items``: where they are those of ``layers``, these themselves."""
    same = len(items) == len(layers.items) and all(a is b for a, b in zip(items, layers.items, strict=True))
    return layers if same else chain(tuple(items), layers.x)


def _inside(item: Layer, change: Callable[[Chain], Chain]) -> Layer:
    if isinstance(item, Form):
        branches = tuple(_outside_first(branch, change) for branch in item.branches)
        same = all(a is b for a, b in zip(branches, item.branches, strict=True))
        return item if same else replace(item, branches=branches)
    if isinstance(item, As):
        inner = _inside(item.layer, change)
        assert not isinstance(inner, As)
        return item if inner is item.layer else replace(item, layer=inner)
    return item
