"""Places the items of a small data-flow graph in ranks and lanes, as a reader would sketch them.

An item stands one rank below the lowest of its inputs. A chain of items keeps its lane; branches stand side by side
in lanes of their own; an edge that passes ranks by, such as a residual's shortcut, gets a narrow lane to run in, so
that no line ever crosses a box. Time grows with items times lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Item = tuple[str, Sequence[str]]
"""A name and the names of its inputs, which come before it."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from one item to another; ``passing`` is the narrow lane it runs in, if any."""

    source: str
    target: str
    passing: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands.

    Attributes:
        rank, lane: the row and the wide lane of every item, from 0.
        edges: one for each distinct pair of an input and its item.
        ranks, lanes, passings: how many rows, wide lanes and narrow lanes there are.
    """

    rank: dict[str, int]
    lane: dict[str, int]
    edges: tuple[Edge, ...]
    ranks: int
    lanes: int
    passings: int


def layout(items: Sequence[Item]) -> Layout:
    """Return the layout of ``items``, each of which comes after its inputs; inputs that are no items are left out."""
    rank: dict[str, int] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    for name, sources in items:
        inputs[name] = tuple(dict.fromkeys(source for source in sources if source in rank))
        rank[name] = max((rank[source] + 1 for source in inputs[name]), default=0)
    heirs = _heirs(rank, inputs)
    reach = {name: rank[name] for name in rank}  # the last rank that an edge of the item passes by
    for name, sources in inputs.items():
        for source in sources:
            reach[source] = max(reach[source], rank[name] - 1)
    lane, lanes = _lanes(rank, heirs, reach)
    long = [name for name in rank if reach[name] > rank[name] and name in heirs]
    passing, passings = _pack([(name, rank[name] + 1, reach[name]) for name in long])
    edges = tuple(
        Edge(source, name, passing.get(source) if rank[name] > rank[source] + 1 else None)
        for name, sources in inputs.items()
        for source in sources
    )
    return Layout(rank, lane, edges, max(rank.values(), default=-1) + 1, lanes, passings)


def _heirs(rank: dict[str, int], inputs: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return which item continues the lane of which: the first that takes it right below."""
    heirs: dict[str, str] = {}
    for name, sources in inputs.items():
        for source in sources:
            if rank[source] == rank[name] - 1 and source not in heirs:
                heirs[source] = name
                break
    return heirs


def _lanes(rank: dict[str, int], heirs: dict[str, str], reach: dict[str, int]) -> tuple[dict[str, int], int]:
    heads = [name for name in rank if name not in set(heirs.values())]
    chains: dict[str, list[str]] = {}
    for head in heads:
        chain = chains[head] = [head]
        while chain[-1] in heirs:
            chain.append(heirs[chain[-1]])
    spans = [(head, rank[head], reach[chain[-1]]) for head, chain in chains.items()]
    packed, count = _pack(spans)
    return {name: packed[head] for head, chain in chains.items() for name in chain}, count


def _pack(spans: Sequence[tuple[str, int, int]]) -> tuple[dict[str, int], int]:
    """Return the lowest lane that is free over each span of ranks, and how many lanes that takes."""
    lanes: dict[str, int] = {}
    ends: list[int] = []
    for name, start, end in sorted(spans, key=lambda span: span[1]):
        lane = next((i for i, last in enumerate(ends) if last < start), len(ends))
        ends[lane : lane + 1] = [end]
        lanes[name] = lane
    return lanes, len(ends)
