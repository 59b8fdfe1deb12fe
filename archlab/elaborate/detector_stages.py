"""A backbone's fragments with a neck and a box head: their cost in closed form, and the nodes of the graph."""

from __future__ import annotations

from collections.abc import Sequence
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
from archlab.elaborate.fragment import Fragment, NamedFragment, chain
from archlab.elaborate.shared import Shared
from archlab.errors import ElaborationError
from archlab.ir import INPUT, Node, Shape, numel
from archlab.ops import OPS, Stride


def detector_stages(
    backbone: Sequence[NamedFragment], x: Shape, request: DetectorRequest, shared: Shared
) -> tuple[list[NamedFragment], DetectorSpec]:
    """Return the stages of a detector, and what was asked for with the levels found.

    Those of the backbone hold what the neck will take until it does; stages behind the coarsest level are left out.

    Raises:
        ElaborationError: the backbone does not give the levels, or ends in a classifier's head.
    """
    strides: list[Stride | None] = []
    stride: Stride | None = ONE
    for name, fragment in backbone:
        try:
            stride = times(stride, stride_of(fragment))
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
    spec = request.spec.with_levels(tuple(level.name for level in picked))
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
        fragment.stride = _stride(fragment)
    return fragment.stride


def _stride(fragment: Fragment) -> Stride | None:
    if fragment.op is not None and fragment.parts:
        return joined_stride(fragment.op.op, [(stride_of(part), part.shape) for _, part in fragment.parts])
    if fragment.op is not None:
        return OPS[fragment.op.op].stride(fragment.op.attrs)
    stride: Stride | None = ONE
    for _, part in fragment.parts:
        stride = times(stride, stride_of(part))
    return stride


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
    held: list[NamedFragment] = []
    homes: dict[str, int] = {}  # elements by where they live: the stage that allocated them
    sizes: dict[str, int] = {}
    home, shape = INPUT, x
    for name, fragment in backbone:
        others = sum(size for place, size in homes.items() if place != home)
        held.append((name, _keeping(fragment, shape, others, home in homes, shared)))
        home, shape = home if fragment.views else name, fragment.shape
        if name in kept:
            sizes[name] = 0 if home in homes else numel(shape)
            homes[home] = numel(shape)
    return held, sizes


def _keeping(fragment: Fragment, x: Shape, held: int, keeps_input: bool, shared: Shared) -> Fragment:
    """Return ``fragment`` on ``x`` with ``held`` more elements, and its input where that is kept, alive beside it."""
    if not held and not keeps_input:
        return fragment
    key = ("keeping", fragment, held, keeps_input)
    known = shared.block(key)
    if known is not None:
        return known
    if fragment.op is None and fragment.parts:
        parts: list[NamedFragment] = []
        views, shape = True, x
        for name, part in fragment.parts:
            behind = 0 if views or not keeps_input else numel(x)
            parts.append((name, _keeping(part, shape, held + behind, keeps_input and views, shared)))
            views, shape = views and part.views, part.shape
        new = chain(parts, x)
    else:
        during, after = fragment.during, fragment.after
        if keeps_input:
            during, after = max(during, after), 0
        new = Fragment(
            fragment.shape, fragment.parts, fragment.op, x, during + held, after and after + held, fragment.views
        )
    new.block = fragment.block
    shared.keep_block(key, new)
    return new


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
