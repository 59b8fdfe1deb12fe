"""Stem, stages and head: blocks in running order, divided by the resolution of what they put out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from archlab.ir import Graph
from archlab.structure.found import (
    GLOBAL_POOLING,
    LINEAR,
    OPERATOR,
    PLAIN,
    POINTWISE,
    POOLING,
    UNPLACED,
    Block,
    Section,
)

_STEM = PLAIN | {UNPLACED}
"""Kinds that do not end a stem; nothing but these is no stem, but stages."""

_ENDS = frozenset({GLOBAL_POOLING, LINEAR})
_MAY_BE_IN_HEAD = frozenset({POINTWISE, OPERATOR}) | _ENDS
"""Blocks that may stand before the global pooling or the linear layers, where they keep the resolution."""
LONGEST_STEM = 8
"""Plain layers before the first other block are a stem up to so many; more are stages. Inception-v3's has seven."""


def sections_of(graph: Graph, blocks: Sequence[Block]) -> tuple[Section, ...]:
    """Return the sections of a network.

    The stem is what stands before the first block of a kind that is more than one layer. The head begins with the
    global pooling or the first linear layer, or with the 1x1 convolutions right before these. Between them a stage has
    all blocks of one resolution; what lowers the resolution begins the next, but for a pooling with no block behind it.
    What reads regions of interest is the head.
    """
    head = _head_start(graph, blocks)
    first = next((i for i, block in enumerate(blocks[:head]) if block.kind not in _STEM), 0)
    stem = first if first <= LONGEST_STEM else 0
    stages: list[list[Block]] = []
    for _, run in groupby(blocks[stem:head], key=lambda block: block.shape[1:]):
        members = list(run)
        if stages and all(block.kind == POOLING for block in members):
            stages[-1] += members
        else:
            stages.append(members)
    named = [("stem", blocks[:stem])]
    named += [(f"stage {number}", stage) for number, stage in enumerate(stages, start=1)]
    named += [("head", blocks[head:])]
    return tuple(Section(tuple(members), name=name) for name, members in named if members)


def _head_start(graph: Graph, blocks: Sequence[Block]) -> int:
    by_region = next((i for i, block in enumerate(blocks) if any(graph[n].rows != 1 for n in block.nodes)), None)
    if by_region is not None:
        return by_region
    start = len(blocks)
    while start and blocks[start - 1].kind in _MAY_BE_IN_HEAD and blocks[start - 1].settings.stride == 1:
        start -= 1
    return start if any(block.kind in _ENDS for block in blocks[start:]) else len(blocks)
