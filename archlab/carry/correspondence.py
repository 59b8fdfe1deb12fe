"""Which channel of the source each channel of the target is.

Classes of the target are matched with classes of the source that stand at the same places: those of one segment, such
as the inner channels of a block, may be any of that segment's in the source, and the most important are taken, in their
order. Where there are as many as in the source nothing is chosen, so every channel is itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.carry.channels import Channels, channels_of, is_depthwise
from archlab.carry.copies import Kept, source_name
from archlab.carry.segments import choose, segments_of
from archlab.errors import InputError
from archlab.ir import Graph, Node

ABSENT = -1


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What of the source each part of the target is.

    Attributes:
        node: the source's operator for each of the target's.
        index: for each value of the target, its channels' places in the source's value; ``ABSENT`` for none.
        reads: for each operator of the target, its first input's channels' places in what the source's operator reads:
            where a copy of a repeat was dropped, that is another value.
    """

    node: Mapping[str, str]
    index: Mapping[str, tuple[int, ...]]
    reads: Mapping[str, tuple[int, ...]]

    def is_whole(self, name: str, source: Graph) -> bool:
        """Return whether the value ``name`` has every channel of the source's, in order."""
        return self.index[name] == tuple(range(source.shape_of(self.node[name])[0]))


def correspond(source: Graph, target: Graph, importance: Mapping[int, float], kept: Kept) -> Correspondence:
    """Match the channels of two draws of one space.

    Args:
        source: the larger network.
        target: the smaller one.
        importance: how much a class of the source's channels matters; what is not named matters nothing.
        kept: the copies of repeats that stay.

    Raises:
        InputError: an operator of the target has no counterpart in the source.
    """
    nodes = nodes_of(source, target, kept)
    theirs = channels_of(source)
    chosen = choose(*segments_of(source, target, nodes), with_filters(importance, source, theirs))
    return of_choice(source, target, nodes, chosen)


def of_choice(source: Graph, target: Graph, nodes: Mapping[str, str], choice: Mapping[int, int]) -> Correspondence:
    """Return the correspondence in which each class of the target's channels is the source's class in ``choice``.

    Args:
        nodes: the source's operator for each of the target's, and for each input.
    """
    ours, theirs = channels_of(target), channels_of(source)
    pairs = [(node, source[nodes[node.name]]) for node in target]
    chosen = dict(choice)
    for node, there in pairs:
        if is_depthwise(node) and is_depthwise(there):
            chosen |= follow_filters(node, there, chosen, ours, theirs)
    index = {
        name: places_of([chosen.get(c, ABSENT) for c in ours.of[name]], theirs.of[there])
        for name, there in nodes.items()
    }
    reads = {
        node.name: index[node.inputs[0]]
        if nodes[node.inputs[0]] == there.inputs[0]
        else places_of([chosen.get(c, ABSENT) for c in ours.of[node.inputs[0]]], theirs.of[there.inputs[0]])
        for node, there in pairs
    }
    return Correspondence(nodes, index, reads)


def follow_filters(
    node: Node, there: Node, chosen: Mapping[int, int], ours: Channels, theirs: Channels
) -> dict[int, int]:
    """Return the choice of the channels that a depthwise convolution makes, from the choice of those that it reads."""
    entering = places_of([chosen.get(c, ABSENT) for c in ours.of[node.inputs[0]]], theirs.of[there.inputs[0]])
    filters = zip(ours.of[node.name], _filters(node, there, entering), strict=True)
    return {c: theirs.of[there.name][at] if at != ABSENT else ABSENT for c, at in filters}


def nodes_of(source: Graph, target: Graph, kept: Kept) -> dict[str, str]:
    """Return the source's operator for each of the target's, and each input for itself.

    Raises:
        InputError: an operator of the target has no counterpart in the source.
    """
    nodes = {name: name for name in source.inputs} | {node.name: source_name(node.name, kept) for node in target}
    _check(nodes, source, target)
    return nodes


def _check(nodes: Mapping[str, str], source: Graph, target: Graph) -> None:
    for node in target:
        there = nodes[node.name]
        if there not in source.names or source[there].op != node.op:
            found = f"{source[there].op} there" if there in source.names else "no such operator"
            raise InputError(
                f"{node.name}: the target has {node.op} here, and the source has {found}",
                hint="both must be draws of one space, the target with no deeper repeats",
            )


def places_of(wanted: Sequence[int], vector: Sequence[int]) -> tuple[int, ...]:
    """Return where in ``vector`` each wanted class stands; a class that is wanted again is the next one of its kind."""
    where: dict[int, list[int]] = defaultdict(list)
    for i, c in enumerate(vector):
        where[c].append(i)
    uses: dict[int, int] = defaultdict(int)
    places: list[int] = []
    for c in wanted:
        at = where.get(c, [])
        places.append(at[uses[c]] if uses[c] < len(at) else ABSENT)
        uses[c] += 1
    return tuple(places)


def with_filters(importance: Mapping[int, float], graph: Graph, channels: Channels) -> dict[int, float]:
    """Return the importance of channels with that of the depthwise filters that stay or go with them."""
    total = dict(importance)
    for node in reversed(graph.nodes):
        if is_depthwise(node) and node.shape[0] != graph.shape_of(node.inputs[0])[0]:
            many = node.attrs["out_channels"] // node.attrs["in_channels"]
            for i, c in enumerate(channels.of[node.name]):
                there = channels.of[node.inputs[0]][i // many]
                total[there] = total.get(there, 0.0) + total.get(c, 0.0)
    return total


def _filters(node: Node, there: Node, kept: Sequence[int]) -> tuple[int, ...]:
    """Return which depthwise filters stay: for each kept channel its first ones."""
    ours, theirs = (n.attrs["out_channels"] // n.attrs["in_channels"] for n in (node, there))
    return tuple(c * theirs + i if c != ABSENT and i < theirs else ABSENT for c in kept for i in range(ours))
