"""A series of elements as blocks: the longest known pattern at each place, from the first element to the last.

Squeeze-excites belong to the block of the convolution before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlab.ir import Node
from archlab.structure.concatenations import is_fire
from archlab.structure.convolutions import UPSAMPLING, conv_of
from archlab.structure.found import FIRE, GLOBAL_POOLING, LINEAR, OPERATOR, POOLING, UNPLACED, Block
from archlab.structure.joins import read_join
from archlab.structure.patterns import PATTERNS
from archlab.structure.regions import Element, Join, layers_in
from archlab.structure.settings import make_block
from archlab.structure.shuffles import is_v2_join, op_of, read_v2
from archlab.structure.squeeze import is_squeeze_excite, squeezed

_OF_OPERATORS = {"maxpool": POOLING, "avgpool": POOLING, "gap": GLOBAL_POOLING, "gmp": GLOBAL_POOLING, "linear": LINEAR}
_JOINS = frozenset({"add", "sub", "mul", "cat"})


def read(elements: Sequence[Element], within: str = "") -> tuple[Block, ...]:
    """Return the blocks of elements that follow each other.

    Args:
        elements: each takes the one before it, and no other does.
        within: ``residual`` or ``branch`` where they are a branch of a join.
    """
    series = _with_light_ones_joined(elements)
    blocks: list[Block] = []
    start = 0
    while start < len(series):
        first = series[start]
        start, block = _next_block(series, start, within)
        if not within and block.kind == UNPLACED and isinstance(first, Join) and _spans_blocks(first, block):
            blocks += _taken_apart(first)
        else:
            blocks.append(block)
    return tuple(blocks)


def _spans_blocks(join: Join, block: Block) -> bool:
    """Return whether a join that is no kind goes around residual blocks, or resolutions, as one of a U-Net does."""
    return any(part.shortcut for part in block.walk()) or any(
        layer.main.op in UPSAMPLING for branch in join.branches for layer in layers_in(branch)
    )


def _taken_apart(join: Join) -> list[Block]:
    """Return the blocks of the branches of a join in the trunk, the longest first, and the join as it is."""
    branches = sorted(join.branches, key=lambda branch: -sum(len(element.nodes) for element in branch))
    return [*(block for branch in branches for block in read(branch)), _single(join.layer)]


def _with_light_ones_joined(elements: Sequence[Element]) -> list[Element]:
    """Return the elements with light layers made part of the next layer, or else of the element before."""
    series: list[Element] = []
    for element in elements:
        before = series[-1] if series else None
        if before is not None and not isinstance(before, Join) and before.is_light and not isinstance(element, Join):
            nodes = (*before.nodes, *element.nodes)
            series[-1] = replace(element, nodes=nodes, inputs=before.inputs)
        elif before is not None and not isinstance(element, Join) and element.is_light:
            series[-1] = _longer(before, element.nodes)
        else:
            series.append(element)
    return series


def _longer(element: Element, nodes: tuple[Node, ...]) -> Element:
    if isinstance(element, Join):
        return replace(element, layer=replace(element.layer, nodes=(*element.layer.nodes, *nodes)))
    return replace(element, nodes=(*element.nodes, *nodes))


def _next_block(series: Sequence[Element], start: int, within: str) -> tuple[int, Block]:
    """Return the block that begins at ``start``, and where it ends."""
    first = series[start]
    after = series[start + 1] if start + 1 < len(series) else None
    if isinstance(first, Join) and after is not None and op_of(after) == "shuffle" and is_v2_join(first):
        return start + 2, read_v2(first, after)
    if after is not None and is_fire(first, after):
        return start + 2, make_block(FIRE, [first, after])
    if isinstance(first, Join):
        return start + 1, read_join(first, read)
    convs, ends = _convolutions(series, start)
    for count, kind, rule in PATTERNS:
        if len(convs) >= count and rule(convs[:count], within):
            end = ends[count - 1]
            return end, _block(kind, series[start:end])
    return start + 1, _single(first)


def _convolutions(series: Sequence[Element], start: int) -> tuple[list[Element], list[int]]:
    """Return up to three convolutions from ``start``, and where each ends with the squeeze-excites behind it."""
    convs: list[Element] = []
    ends: list[int] = []
    place = start
    while place < len(series) and len(convs) < 3 and conv_of(series[place]) is not None:
        convs.append(series[place])
        place += 1
        while place < len(series) and is_squeeze_excite(series[place]):
            place += 1
        ends.append(place)
    return convs, ends


def _block(kind: str, elements: Sequence[Element]) -> Block:
    squeezes = [element for element in elements if is_squeeze_excite(element)]
    inside = [read_join(element, read) for element in squeezes if isinstance(element, Join)]
    return make_block(kind, elements, squeeze=max(map(squeezed, squeezes), default=0), inside=inside)


def _single(layer: Element) -> Block:
    assert not isinstance(layer, Join)
    op = layer.main.op
    if op in _JOINS:
        return make_block(UNPLACED, [layer], operator=f"{op} of {len(layer.inputs)} inputs")
    kind = GLOBAL_POOLING if layer.main.attrs.get("size") == (1, 1) else _OF_OPERATORS.get(op, OPERATOR)
    return make_block(kind, [layer], operator=op)
