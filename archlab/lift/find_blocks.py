"""The blocks of a text: what stands in several places, where naming it makes the text shorter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archlab.grammar import ast, unparse_expr
from archlab.lift.block_names import block_name
from archlab.lift.fold import at_stride_one
from archlab.lift.layers import As, Call, Chain, Form, Layer, Use, chain, chains_in, free_names
from archlab.lift.prelude_samples import Skeleton, skeleton
from archlab.lift.unify import Place, Unified, unify
from archlab.lift.written import Blocks, Params, prelude_params, text_of, value_of

LONGEST = 6
"""The most layers in a row that become a block."""
LEAST_SAVING = 12
"""Characters that a block must save: names cost the reader something too."""
MOST_BLOCKS = 16

Key = tuple[Skeleton, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a text."""

    name: str
    params: Params
    body: Chain

    def syntax(self, blocks: Blocks) -> ast.Block:
        """Return the block as it is written."""
        from archlab.lift.written import expr_of

        params = tuple(ast.Param(p, None if d is None else value_of(d, blocks)) for p, d in self.params.items())
        return ast.Block(self.name, params, expr_of(self.body, blocks))


@dataclass(frozen=True, slots=True)
class Draft:
    """A text in the making: its blocks, those first that others call, and its layers."""

    tree: Chain
    blocks: tuple[Block, ...] = ()

    @property
    def known(self) -> Blocks:
        """The parameters of every block that may be called."""
        return {**prelude_params(), **{block.name: block.params for block in self.blocks}}


@dataclass(frozen=True, slots=True)
class _Window:
    """Layers in a row: their place, and whether the window before is just before it."""

    place: Place
    follows: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    key: Key
    unified: Unified
    name: str
    saving: int


def with_blocks(tree: Chain) -> Draft:
    """Return ``tree`` with what occurs several times as blocks, those first that save most characters."""
    draft = Draft(tree)
    for _ in range(MOST_BLOCKS):
        best = _best(draft)
        if best is None:
            return draft
        draft = _taken(draft, best)
    return draft


# --- candidates ------------------------------------------------------------------------------------------------------


def _best(draft: Draft) -> _Candidate | None:
    """The candidate that saves most; those that could save most are tried first."""
    known = draft.known
    lengths: dict[Chain, int] = {}

    def length(layers: Chain) -> int:
        if layers not in lengths:
            lengths[layers] = len(text_of(layers, known))
        return lengths[layers]

    written: list[tuple[int, Key, list[_Window]]] = []
    for key, windows in _windows(draft).items():
        if len(windows) > 1:
            distinct = [length(w.place.layers) for w in _leaders(windows)]
            written.append((sum(distinct) - max(distinct) // 2, key, windows))
    best: _Candidate | None = None
    for bound, key, windows in sorted(written, key=lambda item: -item[0]):
        if best is not None and bound <= best.saving:
            break
        before = sum(length(w.place.layers) for w in _leaders(windows))
        candidate = _candidate(key, windows, before, draft)
        if candidate and candidate.saving >= LEAST_SAVING and (best is None or candidate.saving > best.saving):
            best = candidate
    return best


def _candidate(key: Key, windows: list[_Window], before: int, draft: Draft) -> _Candidate | None:
    unified = unify([window.place for window in windows])
    if unified is None:
        return None
    name = block_name(unified.body, {*draft.known})
    known = {**draft.known, name: unified.params}
    definition = Block(name, unified.params, unified.body).syntax(known)
    calls = [Call(name, tuple(zip(unified.params, args, strict=True))) for args in unified.args]
    after = len(f"block {name}() = ") + len(unparse_expr(definition.body))
    after += sum(len(p.name) + 2 + (0 if p.default is None else 1 + len(unparse_expr(p.default))) for p in definition.params)
    after += sum(
        len(text_of(call, known))
        for i, call in enumerate(calls)
        if not (windows[i].follows and at_stride_one(calls[i - 1]) == call)
    )
    return _Candidate(key, unified, name, before - after)


def _leaders(windows: list[_Window]) -> list[_Window]:
    """The windows that are written: not those which a ``repeat`` takes in."""
    later = [tuple(map(at_stride_one, window.place.layers.items)) for window in windows]
    return [
        window
        for i, window in enumerate(windows)
        if not (window.follows and i and later[i - 1] == window.place.layers.items)
    ]


def _windows(draft: Draft) -> Mapping[Key, list[_Window]]:
    """All windows by skeleton, in the order of the text; those of one skeleton do not overlap."""
    found: dict[Key, list[_Window]] = defaultdict(list)
    ends: dict[Key, tuple[int, int]] = {}
    for number, (layers, fixed) in enumerate(_chains(draft)):
        bones = tuple(map(skeleton, layers.items))
        for i in range(len(bones)):
            for n in range(1, min(LONGEST, len(bones) - i) + 1):
                window = layers.items[i : i + n]
                if not _may_be_block(window):
                    continue
                key = bones[i : i + n]
                where, end = ends.get(key, (-1, 0))
                if where == number and end > i:
                    continue
                found[key].append(_Window(Place(chain(window, window[0].x), fixed), where == number and end == i))
                ends[key] = number, i + n
    return found


def _chains(draft: Draft) -> Iterator[tuple[Chain, bool]]:
    for block in draft.blocks:
        for layers in chains_in(block.body):
            yield layers, False
    for layers in chains_in(draft.tree):
        yield layers, True


def _may_be_block(window: tuple[Layer, ...]) -> bool:
    if len(window) == 1 and isinstance(window[0], Call) and len(window[0].args) < 2:
        return False
    if any(isinstance(item, As | Use) for item in window) or any(isinstance(item, Use) for item in window):
        return False
    return not free_names(chain(window, window[0].x)) if any(isinstance(item, Form) for item in window) else True


# --- putting a block in its places -----------------------------------------------------------------------------------


def _taken(draft: Draft, candidate: _Candidate) -> Draft:
    calls = iter(candidate.unified.args)
    params = tuple(candidate.unified.params)

    def replaced(layers: Chain) -> Chain:
        bones = tuple(map(skeleton, layers.items))
        n = len(candidate.key)
        items: list[Layer] = []
        i = 0
        while i < len(bones):
            window = layers.items[i : i + n]
            if bones[i : i + n] == candidate.key and _may_be_block(window):
                args = tuple(zip(params, next(calls), strict=True))
                items.append(Call(candidate.name, args, window[0].x, window[-1].y))
                i += n
            else:
                items.append(layers.items[i])
                i += 1
        return chain(tuple(items), layers.x)

    def outside_first(layers: Chain) -> Chain:
        return chain(tuple(map(inside, replaced(layers).items)), layers.x)

    def inside(item: Layer) -> Layer:
        if isinstance(item, Form):
            return replace(item, branches=tuple(map(outside_first, item.branches)))
        if isinstance(item, As):
            return replace(item, layer=inside(item.layer))  # type: ignore[arg-type]
        return item

    blocks = tuple(replace(block, body=outside_first(block.body)) for block in draft.blocks)
    tree = outside_first(draft.tree)
    return Draft(tree, (Block(candidate.name, candidate.unified.params, candidate.unified.body), *blocks))
