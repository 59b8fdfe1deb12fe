"""A chain of layers as the stages of a text: stem, a stage for each resolution, head."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from archlab.grammar import ast
from archlab.ir import Shape
from archlab.lift.text.drafts import Draft
from archlab.lift.text.fold import fold
from archlab.lift.text.layers import NORMS, As, Call, Chain, Form, Layer, Use, chain, rebuilt
from archlab.lift.text.local_names import with_local_names
from archlab.lift.text.plain import plain_where_shorter
from archlab.lift.text.written import expr_of, written_defaults

BODY = "body"
_POOLS = ("maxpool", "avgpool")


@dataclass(frozen=True, slots=True)
class StageLayers:
    """A stage: its name and its layers."""

    name: str
    layers: Chain


def architecture_of(draft: Draft, name: str) -> ast.Architecture:
    """Return a draft as an architecture, in stages, with runs as ``repeat``."""
    known = draft.known

    def tidy(layers: Chain) -> Chain:
        return plain_where_shorter(fold(layers), known)

    blocks = tuple(replace(b, body=with_local_names(rebuilt(b.body, tidy))) for b in draft.blocks)
    stages = [replace(s, layers=with_local_names(rebuilt(s.layers, tidy))) for s in in_stages(draft)]
    return ast.Architecture(
        name,
        tuple(ast.Stage(stage.name, expr_of(stage.layers, known)) for stage in stages),
        (("input", ast.Size(draft.tree.x)), *written_defaults(draft.defaults)),
        blocks=tuple(block.syntax(known) for block in blocks),
    )


def in_stages(draft: Draft) -> tuple[StageLayers, ...]:
    """Cut a draft's layers where the resolution changes; what others use by name ends a stage, which has its name."""
    items = draft.tree.items
    if not items:
        return (StageLayers(BODY, draft.tree),)
    units = [i for i, item in enumerate(items) if _is_unit(item, draft)]
    head = _head(items, units)
    stem = units[0] if units and units[0] < head else 0
    if any(isinstance(item, As) for item in items[:stem]):
        stem = 0
    pieces = [
        ("stem", items[:stem]),
        *(("stage", piece) for piece in _by_name(items[stem:head])),
        ("head", items[head:]),
    ]
    cut = [
        (kind, part)
        for kind, piece in pieces
        for part in (_by_resolution(piece, draft) if kind == "stage" else _by_name(piece))
    ]
    return _with_names(cut)


def _with_names(pieces: list[tuple[str, tuple[Layer, ...]]]) -> tuple[StageLayers, ...]:
    """Number the stages; one that begins by returning to a higher resolution is called up."""
    several = {kind: sum(k == kind for k, _ in pieces) > 1 for kind in ("stem", "head")}
    counts: dict[str, int] = {}
    stages: list[StageLayers] = []
    renamed: dict[str, str] = {}
    for kind, items in pieces:
        if kind == "stage" and _rises(items):
            kind = "up"
        counts[kind] = counts.get(kind, 0) + 1
        name = kind if kind in several and not several[kind] else f"{kind}{counts[kind]}"
        last = items[-1]
        if isinstance(last, As):
            renamed[last.name] = name
            items = (*items[:-1], last.layer)
        stages.append(StageLayers(name, _with_stage_names(chain(items, items[0].x), renamed)))
    return tuple(stages)


def _with_stage_names(layers: Chain, names: dict[str, str]) -> Chain:
    def rename(inside: Chain) -> Chain:
        items = (replace(i, name=names.get(i.name, i.name)) if isinstance(i, Use) else i for i in inside.items)
        return chain(tuple(items), inside.x)

    return rebuilt(layers, rename)


def _is_unit(item: Layer, draft: Draft) -> bool:
    inner = item.layer if isinstance(item, As) else item
    return isinstance(inner, Form) or (isinstance(inner, Call) and inner.name in draft.units)


def _head(items: tuple[Layer, ...], units: list[int]) -> int:
    """Where the head begins: with what makes one place of the map, and what is between that and the last unit."""
    end = next(
        (i for i, item in enumerate(items) if _places(item.y) == (1, 1) and _places(item.x) != (1, 1)), len(items)
    )
    flat = next((i for i, item in enumerate(items) if len(item.y) < 3), len(items))
    pooled = next((i for i, item in enumerate(items) if _is_adaptive(item)), len(items))
    end = min(end, flat, pooled)
    before = [i for i in units if i < end]
    if not before or end == len(items):
        return end
    behind = before[-1] + 1
    changes = [i for i in range(behind, end) if _places(items[i].x) != _places(items[i].y)]
    if behind < end and _is_activation_of(items[behind - 1], items[behind]):
        behind += 1
    return changes[-1] + 1 if changes else behind


def _is_adaptive(item: Layer) -> bool:
    return isinstance(item, Call) and item.name == "adaptive_avgpool"


def _is_activation_of(unit: Layer, item: Layer) -> bool:
    return isinstance(unit, Form) and isinstance(item, Call) and not item.args


def _by_resolution(items: tuple[Layer, ...], draft: Draft) -> Iterator[tuple[Layer, ...]]:
    """Stages: a layer that strides begins one, with the norm before it; a pooling ends one."""
    pools = {*_POOLS, *(block.name for block in draft.blocks if _is_pool(block.body.items[-1], _POOLS))}
    piece: list[Layer] = []
    for item in items:
        changes = _places(item.x) != _places(item.y)
        if changes and not _is_pool(item, pools):
            moved = [piece.pop()] if piece and isinstance(piece[-1], Call) and piece[-1].name in NORMS else []
            if piece:
                yield tuple(piece)
            piece = moved
        piece.append(item)
        if changes and _is_pool(item, pools) and len(piece) > 1:
            yield tuple(piece)
            piece = []
    if piece:
        yield tuple(piece)


def _by_name(items: tuple[Layer, ...]) -> Iterator[tuple[Layer, ...]]:
    piece: list[Layer] = []
    for item in items:
        piece.append(item)
        if isinstance(item, As):
            yield tuple(piece)
            piece = []
    if piece:
        yield tuple(piece)


def _is_pool(item: Layer, pools: Collection[str]) -> bool:
    return isinstance(item, Call) and item.name in pools


def _rises(items: tuple[Layer, ...]) -> bool:
    return _places(items[0].y) > _places(items[0].x)


def _places(shape: Shape) -> Shape:
    return shape[1:]
