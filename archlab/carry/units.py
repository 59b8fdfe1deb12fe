"""What is refitted as one: a layer, the norm and the factor behind it, and the sum that it ends in."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archlab.ir import Graph, Node

LAYERS = ("conv2d", "linear")
FLAT: Mapping[str, tuple[float, float]] = {
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "hardswish": (-3.0, math.inf),
    "hardsigmoid": (-3.0, 3.0),
}
"""Where activations are constant: up to the first value, and from the second."""
NORMS = ("bn", "gn", "ln")


@dataclass(frozen=True, slots=True)
class Unit:
    """A layer with what belongs to it.

    Attributes:
        layer: the convolution or linear layer.
        norm: the norm that alone reads it.
        factor: the layer scale that alone reads that.
        total: the addition that alone reads the end of the unit, where the unit is the one that makes up for what the
            addition's other inputs lack.
        flat: the values below and above which nothing that reads the unit, or its addition, tells one from another.
    """

    layer: Node
    norm: Node | None = None
    factor: Node | None = None
    total: Node | None = None
    flat: tuple[float, float] = (-math.inf, math.inf)

    @property
    def end(self) -> Node:
        """The last operator of the unit, before the addition."""
        return self.factor or self.norm or self.layer


def units_of(graph: Graph) -> tuple[Unit, ...]:
    """Return the units of ``graph``, in its order."""
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in graph:
        for name in node.inputs:
            readers[name].append(node)

    def only_reader(node: Node, ops: Sequence[str]) -> Node | None:
        found = readers[node.name]
        alone = len(found) == 1 and found[0].op in ops and node.name not in graph.outputs
        return found[0] if alone else None

    plain: list[Unit] = []
    for node in graph:
        if node.op in LAYERS:
            norm = only_reader(node, NORMS)
            plain.append(Unit(node, norm, only_reader(norm or node, ("scale",))))
    before = _ancestors(graph)
    order = {node.name: i for i, node in enumerate(graph)}
    owner = _owners(graph, {unit.end.name: unit for unit in plain}, before)
    found: list[Unit] = []
    for unit in sorted(plain, key=lambda unit: order[unit.layer.name]):
        total = graph[owner[unit.end.name]] if unit.end.name in owner else None
        reader = only_reader(total or unit.end, tuple(FLAT))
        found.append(replace(unit, total=total, flat=FLAT[reader.op] if reader else unit.flat))
    return tuple(found)


def _ancestors(graph: Graph) -> dict[str, int]:
    """Return for every value the set of operators before it and itself, as bits in the graph's order."""
    before: dict[str, int] = defaultdict(int)
    for i, node in enumerate(graph):
        bits = 1 << i
        for name in node.inputs:
            bits |= before[name]
        before[node.name] = bits
    return before


def _owners(graph: Graph, ends: Mapping[str, Unit], before: Mapping[str, int]) -> dict[str, str]:
    """Return which addition the unit that ends at a value makes up for.

    Of several it is the one with the most operators before it: the body of a residual, and not its shortcut.
    """
    position = {node.name: i for i, node in enumerate(graph)}
    readers: dict[str, int] = defaultdict(int)
    for node in graph:
        for name in node.inputs:
            readers[name] += 1
    owners: dict[str, str] = {}
    for node in graph:
        if node.op != "add":
            continue
        able = [
            name
            for name in node.inputs
            if name in ends
            and readers[name] == 1
            and not any(before[other] >> position[ends[name].layer.name] & 1 for other in node.inputs if other != name)
        ]
        if able:
            owners[max(able, key=lambda name: before[name].bit_count())] = node.name
    return owners


def running_order(graph: Graph, units: Sequence[Unit]) -> tuple[list[Node], dict[str, Unit]]:
    """Return the operators in an order in which a unit runs behind what its addition adds to it, and the units.

    Where two units would wait for each other the first makes up for nothing. Units are named by their layer.
    """
    position = {node.name: i for i, node in enumerate(graph)}
    units_by_layer = {unit.layer.name: unit for unit in units}
    needs = {node.name: {name for name in node.inputs if name in position} for node in graph}
    waits = {name: set(needed) for name, needed in needs.items()}
    for unit in units:
        if unit.total is not None:
            waits[unit.layer.name] |= {name for name in unit.total.inputs if name != unit.end.name} & position.keys()
    frees: dict[str, set[str]] = defaultdict(set)
    for name, needed in waits.items():
        for other in needed:
            frees[other].add(name)
    nodes = list(graph)
    ready = [position[name] for name, needed in waits.items() if not needed]
    heapq.heapify(ready)
    done: dict[str, Node] = {}
    while len(done) < len(nodes):
        if not ready:
            name = next(n for n in units_by_layer if n not in done and needs[n] <= done.keys())
            units_by_layer[name] = replace(units_by_layer[name], total=None)
            waits[name] = set()
            ready.append(position[name])
        node = nodes[heapq.heappop(ready)]
        done[node.name] = node
        for name in frees[node.name] - done.keys():
            if node.name in waits[name]:
                waits[name].discard(node.name)
                if not waits[name]:
                    heapq.heappush(ready, position[name])
    return list(done.values()), units_by_layer
