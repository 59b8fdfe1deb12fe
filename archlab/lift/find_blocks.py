"""The blocks of a text: what stands in several places, where naming it makes the text shorter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from archlab.grammar import ast, unparse_expr
from archlab.lift.block_names import block_name
from archlab.lift.fuse import ACTIVATIONS
from archlab.lift.fold import at_stride_one, runs
from archlab.lift.layers import As, Call, Chain, Form, Layer, Use, chain, chains_in, free_names
from archlab.lift.prelude_samples import UNITS, Skeleton, skeleton
from archlab.lift.unify import Place, Unified, unify
from archlab.lift.written import Blocks, Params, expr_of, prelude_params, text_of, value_of

LONGEST = 6
"""The most layers in a row that become a block."""
LEAST_SAVINGS = (8, 40, 20)
"""Characters that a block must save, by its kind: names cost the reader something too."""
MOST_BLOCKS = 16
KINDS = BRANCHES, ROW, SINGLE = range(3)
"""What has branches, which is what people call a block; layers in a row; a single layer with some arguments fixed."""

Key = tuple[Skeleton, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a text."""

    name: str
    params: Params
    body: Chain
    is_unit: bool

    def syntax(self, blocks: Blocks) -> ast.Block:
        """Return the block as it is written."""
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

    @property
    def units(self) -> frozenset[str]:
        """The blocks that have branches."""
        return frozenset(UNITS).union(block.name for block in self.blocks if block.is_unit)


@dataclass(frozen=True, slots=True)
class _Window:
    """Layers in a row.

    Attributes:
        place: the layers, and whether their shapes are known.
        follows: whether the window before is just before it.
        written: whether it stands in the text: not where a ``repeat`` takes it in.
    """

    place: Place
    follows: bool
    written: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    key: Key
    unified: Unified
    name: str
    saving: int


def with_blocks(tree: Chain, kinds: tuple[int, ...] = KINDS) -> Draft:
    """Return ``tree`` with what occurs several times as blocks, in each kind first what saves most characters.

    Args:
        kinds: the kinds of blocks in the order in which they are looked for.
    """
    draft = Draft(tree)
    for kind in kinds:
        while len(draft.blocks) < MOST_BLOCKS and (best := _best(draft, kind)):
            draft = _taken(draft, best)
    return draft


# --- candidates ------------------------------------------------------------------------------------------------------


def _best(draft: Draft, kind: int) -> _Candidate | None:
    """The candidate that saves most; those that could save most are tried first."""
    known = draft.known
    lengths: dict[Chain, int] = {}

    def length(layers: Chain) -> int:
        if layers not in lengths:
            lengths[layers] = len(text_of(layers, known))
        return lengths[layers]

    written: list[tuple[int, Key, list[_Window]]] = []
    for key, windows in _windows(draft).items():
        distinct = [length(w.place.layers) for w in windows if w.written]
        if len(distinct) > 1 and _kind(windows[0].place.layers.items, draft.units) == kind:
            written.append((sum(distinct) - max(distinct) // 2, key, windows))
    best: _Candidate | None = None
    for bound, key, windows in sorted(written, key=lambda item: -item[0]):
        if best is not None and bound <= best.saving:
            break
        before = sum(length(w.place.layers) for w in windows if w.written)
        candidate = _candidate(key, windows, before, draft)
        if candidate and candidate.saving >= LEAST_SAVINGS[kind] and (best is None or candidate.saving > best.saving):
            best = candidate
    return best


def _candidate(key: Key, windows: list[_Window], before: int, draft: Draft) -> _Candidate | None:
    unified = unify([window.place for window in windows])
    if unified is None or _is_unwieldy(unified, _kind(windows[0].place.layers.items, draft.units)):
        return None
    name = block_name(unified.body, {*draft.known})
    known = {**draft.known, name: unified.params}
    definition = Block(name, unified.params, unified.body, False).syntax(known)
    calls = [Call(name, tuple(zip(unified.params, args, strict=True))) for args in unified.args]
    after = len(f"block {name}() = ") + len(unparse_expr(definition.body))
    after += sum(len(p.name) + 2 + (0 if p.default is None else 1 + len(unparse_expr(p.default))) for p in definition.params)
    after += sum(
        len(text_of(call, known))
        for i, call in enumerate(calls)
        if windows[i].written and not (windows[i].follows and at_stride_one(calls[i - 1]) == call)
    )
    return _Candidate(key, unified, name, before - after)


def _is_unwieldy(unified: Unified, kind: int) -> bool:
    """Whether a block has more parameters than its arguments could be read."""
    second = sum(name[-1] == "2" and name[0] in "ksp" for name in unified.params)
    return len(unified.params) > (8, 4, 5)[kind] or second > (kind == BRANCHES)


def _windows(draft: Draft) -> Mapping[Key, list[_Window]]:
    """All windows by skeleton, in the order of the text; those of one skeleton do not overlap."""
    found: dict[Key, list[_Window]] = defaultdict(list)
    ends: dict[Key, tuple[int, int]] = {}
    for number, (layers, fixed) in enumerate(_chains(draft)):
        bones = tuple(map(skeleton, layers.items))
        folded = runs(layers.items)
        written = {i for start, period, _ in folded for i in range(start, start + period)}
        for i in range(len(bones)):
            for n in range(1, min(LONGEST, len(bones) - i) + 1):
                window = layers.items[i : i + n]
                if not _may_be_block(window, *_around(layers.items, i, n), draft.units):
                    continue
                if _breaks_run(i, i + n, folded):
                    continue
                key = bones[i : i + n]
                where, end = ends.get(key, (-1, 0))
                if where == number and end > i:
                    continue
                place = Place(chain(window, window[0].x), fixed)
                found[key].append(_Window(place, where == number and end == i, i in written))
                ends[key] = number, i + n
    return found


def _chains(draft: Draft) -> Iterator[tuple[Chain, bool]]:
    for block in draft.blocks:
        for layers in chains_in(block.body):
            yield layers, False
    for layers in chains_in(draft.tree):
        yield layers, True


def _breaks_run(first: int, behind: int, folded: list[tuple[int, int, int]]) -> bool:
    """Whether a window holds a part of what is repeated beside other layers or copies."""
    for start, period, copies in folded:
        end = start + period * copies
        if copies == 1 or end <= first or behind <= start or (first <= start and end <= behind):
            continue
        if first < start or behind > end or (first - start) // period != (behind - 1 - start) // period:
            return True
    return False


def _kind(window: tuple[Layer, ...], names: Collection[str]) -> int:
    if any(_is_unit(item, names) for item in window):
        return BRANCHES
    return ROW if len(window) > 1 else SINGLE


def _may_be_block(window: tuple[Layer, ...], before: Layer | None, behind: Layer | None, names: Collection[str]) -> bool:
    """Whether layers in a row read as one thing: at most one unit, with the activation behind it, and closed names."""
    if len(window) == 1 and isinstance(window[0], Call) and len(window[0].args) < 2:
        return False
    if any(isinstance(item, As | Use) for item in window):
        return False
    if _is_periodic(window):
        return False  # twice the same is repeated, and no block
    units = [i for i, item in enumerate(window) if _is_unit(item, names)]
    if len(units) > 1 or (units and len(window) > 1 and isinstance(window[units[0]], Call)):
        return False
    if _is_activation(window[0]) and before is not None and _is_unit(before, names):
        return False
    if _is_unit(window[-1], names) and behind is not None and _is_activation(behind):
        return False
    return not units or not free_names(chain(window, window[0].x))


def _is_periodic(window: tuple[Layer, ...]) -> bool:
    bones = tuple(map(skeleton, window))
    return any(bones == bones[:n] * (len(bones) // n) for n in range(1, len(bones) // 2 + 1))


def _around(items: tuple[Layer, ...], i: int, n: int) -> tuple[Layer | None, Layer | None]:
    """The layers before and behind a window."""
    return items[i - 1] if i else None, items[i + n] if i + n < len(items) else None


def _is_unit(item: Layer, names: Collection[str]) -> bool:
    """Whether a layer is what a network is made of: branches, or a block that has some."""
    return isinstance(item, Form) or (isinstance(item, Call) and item.name in names)


def _is_activation(item: Layer) -> bool:
    return isinstance(item, Call) and item.name in ACTIVATIONS


# --- putting a block in its places -----------------------------------------------------------------------------------


def _taken(draft: Draft, candidate: _Candidate) -> Draft:
    calls = iter(candidate.unified.args)
    params = tuple(candidate.unified.params)

    def replaced(layers: Chain) -> Chain:
        bones = tuple(map(skeleton, layers.items))
        folded = runs(layers.items)
        n = len(candidate.key)
        items: list[Layer] = []
        i = 0
        while i < len(bones):
            window = layers.items[i : i + n]
            if (
                bones[i : i + n] == candidate.key
                and _may_be_block(window, *_around(layers.items, i, n), draft.units)
                and not _breaks_run(i, i + n, folded)
            ):
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
    is_unit = any(_is_unit(item, draft.units) for item in candidate.unified.body.items)
    return Draft(tree, (Block(candidate.name, candidate.unified.params, candidate.unified.body, is_unit), *blocks))
