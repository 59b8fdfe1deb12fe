"""Channels of two networks that stand at the same places, so that one may be the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from archlab.carry.channels import Channels, channels_of, is_depthwise
from archlab.ir import Graph, Node

GROUPED = ("conv2d", "wsconv2d", "conv_transpose")
Place = tuple[str, int]
"""Where a class is seen: in the value of an operator, and in which group of the convolution that reads or makes it."""

Segments = dict[frozenset[Place], list[int]]
"""Classes by the places where they are seen, in the order of their channels."""


def segments_of(source: Graph, target: Graph, nodes: Mapping[str, str]) -> tuple[Segments, Segments]:
    """Return the target's segments, and the source's at the same places."""
    pairs = [(node, source[nodes[node.name]]) for node in target]
    return (
        _segments(target, channels_of(target), [(node.name, node, _groups(node, there)) for node, there in pairs]),
        _segments(source, channels_of(source), [(node.name, there, _groups(node, there)) for node, there in pairs]),
    )


def _groups(node: Node, there: Node) -> int:
    """Return how many groups of channels are told apart at a convolution: its groups, where both have as many."""
    groups = int(node.attrs.get("groups", 1))
    same = groups == there.attrs.get("groups", 1)
    return groups if same and node.op in GROUPED and not is_depthwise(node) else 1


def _segments(graph: Graph, channels: Channels, nodes: Iterable[tuple[str, Node, int]]) -> Segments:
    """Return the classes of ``graph`` by the places where they are seen, in the order of their channels.

    ``nodes`` are the operators that count, each with the name of its place and the groups to tell apart.
    """
    seen: dict[int, set[Place]] = defaultdict(set)

    def see(place: str, classes: Sequence[int], groups: int) -> None:
        each = len(classes) // groups
        for i, c in enumerate(classes):
            seen[c].add((place, i // each))

    for name in graph.inputs:
        see(name, channels.of[name], 1)
    for place, node, groups in nodes:
        see(place, channels.of[node.name], groups)
        if groups > 1:
            see(f"{place} reads", channels.of[node.inputs[0]], groups)
    segments: Segments = defaultdict(list)
    for c, places in seen.items():
        segments[frozenset(places)].append(c)
    return segments


def choose(
    ours: Mapping[frozenset[Place], Sequence[int]],
    theirs: Mapping[frozenset[Place], Sequence[int]],
    importance: Mapping[int, float],
) -> dict[int, int]:
    """Return a class of the source for each class of the target; none where the source has too few."""
    left = {places: list(classes) for places, classes in theirs.items()}
    chosen: dict[int, int] = {}
    short: list[tuple[frozenset[Place], list[int]]] = []
    for places, wanted in ours.items():
        taken = _best(left.get(places, []), len(wanted), importance)
        chosen |= zip(wanted, taken, strict=False)
        left[places] = [c for c in left.get(places, []) if c not in set(taken)]
        if len(taken) < len(wanted):
            short.append((places, list(wanted[len(taken) :])))
    # Widths that halve again and again (ShuffleNet v2) do not always round alike: the rest comes from the nearest.
    for places, wanted in short:
        while wanted and (near := max(left, key=lambda p: (bool(left[p]), len(p & places)))) and left[near]:
            if not near & places:
                break
            taken = _best(left[near], len(wanted), importance)
            chosen |= zip(wanted, taken, strict=False)
            left[near] = [c for c in left[near] if c not in set(taken)]
            wanted = wanted[len(taken) :]
    return chosen


def _best(classes: Sequence[int], n: int, importance: Mapping[int, float]) -> list[int]:
    """Return the ``n`` most important of ``classes``, in their order; the earlier one where two are equal."""
    ranked = sorted(range(len(classes)), key=lambda i: (-importance.get(classes[i], 0.0), i))
    return [classes[i] for i in sorted(ranked[:n])]
