"""A backbone's fragments with a neck and a box head: their cost in closed form, and the nodes of the graph."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import groupby

from archlab.detector import (
    BOX_HEAD,
    NECK,
    OUTPUTS,
    DetectorSpec,
    Level,
    default_levels,
    elements_alive,
    head_nodes,
    neck_nodes,
    output_of,
)
from archlab.detector.levels import ONE, joined_stride, levels_at_ends, named_levels, times
from archlab.elaborate.detect_stage import DetectorRequest
from archlab.elaborate.fragment import Fragment, NamedFragment, gives_nothing
from archlab.elaborate.lifetimes import has_values, keeping, settled_stages
from archlab.elaborate.shared import Shared
from archlab.errors import ElaborationError
from archlab.ir import INPUT, Node, Shape, numel
from archlab.ops import OPS, Stride


def detector_stages(
    backbone: Sequence[NamedFragment], x: Shape, request: DetectorRequest, shared: Shared
) -> tuple[list[NamedFragment], DetectorSpec]:
    """Return the stages of a detector, and what was asked for with the levels and the canonical side found.

    Those of the backbone hold what the neck will take until it does; stages behind the coarsest level are left out.

    Raises:
        ElaborationError: the backbone does not give the levels, or ends in a classifier's head.
    """
    strides: list[Stride | None] = []
    stride: Stride | None = ONE
    named: dict[Hashable, Stride | None] = {}
    for name, fragment in backbone:
        try:
            plain = fragment.values is None
            stride = named[name] = times(stride, stride_of(fragment)) if plain else _stride(fragment, stride, named)
        except ElaborationError as error:
            raise ElaborationError(f"stage {name}: {error.message}", hint=error.hint) from None
        strides.append(stride)
    if strides[-1] is None:
        name = next(name for (name, _), stride in zip(backbone, strides, strict=True) if stride is None)
        raise ElaborationError(
            f"the stage {name} ends the map, so that no level of the neck comes from it",
            hint="remove it: a detector has a head of its own",
        )
    ends = [(name, s, fragment.shape) for (name, fragment), s in zip(backbone, strides, strict=True)]
    picked = _pick(levels_at_ends(ends), strides, request)
    spec = request.spec.with_levels(tuple(level.name for level in picked)).at(x)
    names = [name for name, _ in backbone]
    last = names.index(picked[-1].node)
    held, sizes = _holding(backbone[: last + 1], x, {level.node for level in picked}, shared)
    key = (NECK, picked, spec.width, tuple(sizes.items()))
    neck = shared.block(key)
    if neck is None:
        nodes = neck_nodes(picked, spec.width)
        neck = _grown(nodes, elements_alive(nodes, sizes, map(output_of, spec.levels)))
        shared.keep_block(key, neck)
    maps = {output_of(level.name): (spec.width, *level.shape[1:]) for level in picked}
    head_key = (BOX_HEAD, tuple(maps.items()), spec)
    head = shared.block(head_key)
    if head is None:
        nodes = head_nodes(maps, [level.stride for level in picked], spec)
        given = {name: numel(shape) for name, shape in maps.items()}
        head = _grown(nodes, elements_alive(nodes, given, OUTPUTS))
        shared.keep_block(head_key, head)
    return [*held, (NECK, neck), (BOX_HEAD, head)], spec


def detector_body(stages: Sequence[NamedFragment]) -> Fragment:
    """Return the whole of a detector as one fragment; its peak is the highest of its stages'."""
    peak = max(fragment.peak for _, fragment in stages)
    return Fragment(stages[-1][1].shape, tuple(stages), None, _NOTHING, peak, 0, views=False)


def stride_of(fragment: Fragment) -> Stride | None:
    """Return the pixels of a fragment's input per pixel of its output; None where it ends the map.

    Raises:
        ElaborationError: it joins branches of different strides.
    """
    if fragment.stride is ...:
        fragment.stride = _stride(fragment, ONE, {})
    return fragment.stride


def _stride(fragment: Fragment, entering: Stride | None, named: dict[Hashable, Stride | None]) -> Stride | None:
    """Return the stride behind a fragment; ``named`` are those of named values, and gets those that it names."""
    values = fragment.values
    if values is not None and values.taken is not None:
        return named[values.taken]
    if not fragment.parts:
        return entering if fragment.op is None else times(entering, OPS[fragment.op.op].stride(fragment.op.attrs))
    aside = fragment.op is not None or (values is not None and values.fan)
    stride, ends = entering, []
    for _, part in fragment.parts:
        start = entering if aside else stride
        known = part.values is None and part.unsettled is None
        stride = times(start, stride_of(part)) if known else _stride(part, start, named)
        if not gives_nothing(part):
            ends.append((stride, part.shape))
    if fragment.op is not None:
        return joined_stride(fragment.op.op, ends)
    if values is not None and values.given is not None:
        named[values.given] = stride
    return ends[0][0] if aside and ends else stride


def _pick(levels: tuple[Level, ...], strides: Sequence[Stride | None], request: DetectorRequest) -> tuple[Level, ...]:
    coarsest = request.coarsest or max((level.number for level in levels), default=0)
    if request.finest:
        names = tuple(f"p{n}" for n in range(request.finest, coarsest + 1)) or (f"p{request.finest}",)
    elif request.coarsest:
        named_levels(levels, [f"p{coarsest}"], strides)
        names = default_levels([level for level in levels if level.number <= coarsest], strides)
    else:
        names = default_levels(levels, strides)
    return named_levels(levels, names, strides)


_NOTHING: Shape = (0,)


def _holding(
    backbone: Sequence[NamedFragment], x: Shape, kept: set[str], shared: Shared
) -> tuple[list[NamedFragment], dict[str, int]]:
    """Return the backbone's stages when the outputs of ``kept`` stay alive, and the elements of each of these.

    What shares its memory with another is counted once.
    """
    if has_values(backbone):
        held, _, sizes = settled_stages(backbone, x, kept, shared)
        return held, sizes
    held = []
    homes: dict[str, int] = {}  # elements by where they live: the stage that allocated them
    sizes = {}
    home, shape = INPUT, x
    for name, fragment in backbone:
        others = sum(size for place, size in homes.items() if place != home)
        held.append((name, keeping(fragment, shape, others, home in homes, shared)))
        home, shape = home if fragment.views else name, fragment.shape
        if name in kept:
            sizes[name] = 0 if home in homes else numel(shape)
            homes[home] = numel(shape)
    return held, sizes


def _grown(nodes: Sequence[Node], during: Sequence[int]) -> Fragment:
    """Return nodes that are no chain as a fragment of blocks; ``during`` are the elements alive while each runs."""
    running = list(zip(nodes, during, strict=True))
    blocks: list[NamedFragment] = []
    for block, members in groupby(running, key=lambda item: item[0].block):
        leaves = [(node.name.removeprefix(f"{block}."), _running(node, peak)) for node, peak in members]
        blocks.append((block.partition(".")[2], _side_by_side(leaves) if len(leaves) > 1 else leaves[0][1]))
    return _side_by_side(blocks)


def _side_by_side(parts: Sequence[NamedFragment]) -> Fragment:
    peak = max(part.peak for _, part in parts)
    return Fragment(parts[-1][1].shape, tuple(parts), None, _NOTHING, peak, 0, views=False)


def _running(node: Node, peak: int) -> Fragment:
    return Fragment(node.shape, (), node, _NOTHING, peak, 0, views=False)
