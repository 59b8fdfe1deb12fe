"""Concatenations of concatenations: the same channels in the same order, however they are nested.

Dense networks concatenate all maps so far, each time from the first. As a tree each concatenation is one of the last
and of what is new; and where a run of inputs share the way that leads to them, they are concatenated first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from archlab.ir import Graph, Node


def add_prefix_cats(graph: Graph, inputs: dict[str, tuple[str, ...]]) -> None:
    """Replace in ``inputs`` the first inputs of a concatenation by the longest earlier one that has just these."""
    tree: dict[tuple[int, str], int] = {}
    ends: dict[int, str] = {}
    for node in graph:
        if node.op != "cat":
            continue
        at, longest = 0, (0, "")
        for i, source in enumerate(node.inputs):
            at = tree.setdefault((at, source), len(tree) + 1)
            if 0 < i < len(node.inputs) - 1 and at in ends:
                longest = i + 1, ends[at]
        ends.setdefault(at, node.name)
        if longest[0]:
            inputs[node.name] = (longest[1], *node.inputs[longest[0] :])


def shared_runs(ways: Sequence[set[str]]) -> list[range]:
    """Cut the inputs of a concatenation into the shortest runs such that none shares a node with another.

    >>> shared_runs([{"a"}, {"b"}, {"b", "c"}, {"d"}])
    [range(0, 1), range(1, 3), range(3, 4)]
    """
    last: dict[str, int] = {}
    for i, way in enumerate(ways):
        last.update(dict.fromkeys(way, i))
    runs: list[range] = []
    start = reach = 0
    for i, way in enumerate(ways):
        reach = max([reach, i, *(last[node] for node in way)])
        if reach == i:
            runs.append(range(start, i + 1))
            start = i + 1
    return runs


def with_flat_cats(graph: Graph) -> Graph:
    """Return ``graph`` with every concatenation of concatenations as one: the same network, and one digest for all.

    It is for comparison alone: a concatenation that others took in is gone where nothing else takes it.
    """
    flat: dict[str, tuple[str, ...]] = {}
    nodes: list[Node] = []
    for node in graph:
        if node.op == "cat":
            flat[node.name] = tuple(source for i in node.inputs for source in flat.get(i, (i,)))
            nodes.append(dataclasses.replace(node, inputs=flat[node.name]))
        else:
            single = (flat[i][0] if len(flat.get(i, ())) == 1 else i for i in node.inputs)
            nodes.append(dataclasses.replace(node, inputs=tuple(single)))
    taken = set(graph.outputs).union(*(node.inputs for node in nodes))
    return dataclasses.replace(graph, nodes=tuple(n for n in nodes if n.op != "cat" or n.name in taken))
