"""The feature levels of a backbone: found from the strides of its operators, never guessed from sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from archlab.errors import ElaborationError, did_you_mean
from archlab.ir import INPUT, Graph, Node, Shape, numel
from archlab.ops import OPS, STRETCHING, Stride

ONE: Stride = (Fraction(1), Fraction(1))


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution at which a backbone gives features.

    Attributes:
        name: ``p2`` for stride 4, and so on: the stride's base-2 logarithm (Lin et al. 2017, arXiv:1612.03144).
        node: the deepest end of a stage at this stride.
        stride: pixels of the image per pixel of the map.
        channels: the map's channels.
        shape: the map's channels, height and width.
    """

    name: str
    node: str
    stride: int
    channels: int
    shape: Shape

    @property
    def number(self) -> int:
        """The stride's base-2 logarithm."""
        return self.stride.bit_length() - 1


def level_name(stride: int) -> str:
    """Return the name of a stride's level, the stride being a power of two.

    >>> level_name(4), level_name(32)
    ('p2', 'p5')
    """
    return f"p{stride.bit_length() - 1}"


def levels_of(graph: Graph) -> tuple[Level, ...]:
    """Return the levels of ``graph``, the finest first.

    Each operator's stride multiplies those before it; a global or adaptive pooling, a flatten and a linear layer end
    the map. Of the stages that end at a stride, a power of two and the same down and across, the deepest is the level.

    Raises:
        ElaborationError: a stage ends where branches of different strides were joined.
    """
    strides = strides_of(graph)
    ends = {node.stage: node.name for node in graph}
    return levels_at_ends((name, strides[name], graph.shape_of(name)) for name in ends.values())


def levels_at_ends(ends: Iterable[tuple[str, Stride | None, Shape]]) -> tuple[Level, ...]:
    """Return the levels among the ends of stages, which come in running order with name, stride and shape."""
    deepest: dict[int, Level] = {}
    for name, stride, shape in ends:
        size = whole_stride(stride)
        if size is not None:
            deepest[size] = Level(level_name(size), name, size, shape[0], shape)
    return tuple(deepest[stride] for stride in sorted(deepest))


def whole_stride(stride: Stride | None) -> int | None:
    """Return a stride that is a power of two, the same down and across, as a number; None for any other."""
    if stride is None or stride[0] != stride[1] or stride[0].denominator != 1:
        return None
    size = stride[0].numerator
    return size if size & (size - 1) == 0 else None


def strides_of(graph: Graph) -> dict[str, Stride | None]:
    """Return the stride of every node against the image; None behind what ends the map.

    Raises:
        ElaborationError: branches of different strides are joined.
    """
    strides: dict[str, Stride | None] = {INPUT: ONE}
    for node in graph:
        sources = [(strides.get(name), graph.shape_of(name)) for name in node.inputs]
        try:
            strides[node.name] = times(joined_stride(node.op, sources), OPS[node.op].stride(dict(node.attrs)))
        except ElaborationError as error:
            raise ElaborationError(f"{node.name}: {error.message}", hint=error.hint) from None
    return strides


def times(stride: Stride | None, more: Stride | None) -> Stride | None:
    """Return the stride of two strides one behind the other."""
    return None if stride is None or more is None else (stride[0] * more[0], stride[1] * more[1])


def joined_stride(op: str, sources: Sequence[tuple[Stride | None, Shape]]) -> Stride | None:
    """Return the stride of what an operator takes, from its inputs' strides and shapes.

    What is stretched over a map, such as a factor for each channel, does not count, nor does the map that
    ``upsample_like`` resizes.

    Raises:
        ElaborationError: they differ.
    """
    if not sources:
        return None
    if op == "upsample_like":
        return sources[1][0]
    largest = max(numel(shape) for _, shape in sources)
    strides = {stride for stride, shape in sources if op not in STRETCHING or numel(shape) == largest}
    if len(strides - {None}) > 1:
        shown = " and ".join(sorted(show_stride(stride) for stride in strides if stride is not None))
        raise ElaborationError(
            f"{op} joins branches of strides {shown}, so that the levels behind it have no stride",
            hint="give the branches the same stride",
        )
    return None if None in strides else next(iter(strides))


def show_stride(stride: Stride) -> str:
    """Return a stride as messages show it: one number, or down x across."""
    down, across = stride
    return str(down) if down == across else f"{down}x{across}"


def named_levels(levels: Sequence[Level], names: Sequence[str], reached: Iterable[Stride | None]) -> tuple[Level, ...]:
    """Return the ``levels`` that are called ``names``: neighbours, the finest first.

    Raises:
        ElaborationError: a level that the backbone does not give; the message names the strides ``reached``.
    """
    known = {level.name: level for level in levels}
    for name in names:
        if name not in known:
            raise ElaborationError(
                f"no stage of the backbone ends at level {name}; its stages give {show_levels(levels, reached)}",
                hint=did_you_mean(name, known),
            )
    picked = tuple(known[name] for name in names)
    if not picked or any(b.stride != 2 * a.stride for a, b in pairwise(picked)):
        raise ElaborationError(
            f"the levels of a neck must follow one another, the finest first, not {', '.join(names) or 'none'}",
            hint=f"the backbone gives {', '.join(known) or 'none'}",
        )
    return picked


def show_levels(levels: Sequence[Level], reached: Iterable[Stride | None]) -> str:
    """Return what a backbone gives, for messages: its levels, and which of the strides ``reached`` are none."""
    gives = ", ".join(f"{level.name} (stride {level.stride})" for level in levels) or "none"
    odd = sorted({stride for stride in reached if stride is not None and whole_stride(stride) is None})
    return f"{gives}, and {', '.join(f'stride {show_stride(s)}' for s in odd)}, no power of two" if odd else gives


def end_strides(graph: Graph) -> list[Stride | None]:
    """Return the strides at which the stages of ``graph`` end."""
    strides = strides_of(graph)
    ends: dict[str, Node] = {node.stage: node for node in graph}
    return [strides[node.name] for node in ends.values()]
