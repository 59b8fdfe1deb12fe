"""The backbones of the study: drawn from the shipped detection space, over a tenfold range of MACs."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import archlab
from archlab.elaborate import Interpreter, Network, Random, load
from archlab.grammar import ast
from archlab.ir import Graph

SIZE = (96, 128)
"""Height and width of the images: a fifth of BCCD's 480x640."""

LEAST = 12e6
"""MACs of the smallest backbone at ``SIZE``; the largest has ten times as many."""

SPREAD, GROUPS, MEMBERS = 32, 4, 8
NEAR = 0.05


@dataclass(frozen=True)
class Backbone:
    """A network of the pool.

    Attributes:
        index: its place in the pool.
        group: which group of near-equal MACs it belongs to; None for those spread over the range.
        draws: the holes of its backbone.
        graph: its operators.
        macs, params: of the backbone alone.
        residual: the share of its stages whose blocks have a shortcut.
    """

    index: int
    group: int | None
    draws: Mapping[str, object]
    graph: Graph
    macs: int
    params: int
    residual: float

    @property
    def final(self) -> bool:
        """Whether it belongs to the third that is kept for the end: scores are never tuned on it."""
        return self.index % 3 == 2


@cache
def pool() -> tuple[Backbone, ...]:
    """Draw 32 backbones spread evenly over the logarithm of MACs, and four groups of eight within 5 % of each other."""
    spread = [(None, LEAST * 10 ** (i / (SPREAD - 1))) for i in range(SPREAD)]
    groups = [(g, LEAST * 10 ** ((g + 0.5) / GROUPS)) for g in range(GROUPS) for _ in range(MEMBERS)]
    # Alternately, so that both thirds-to-tune and the final third hold both kinds.
    order = [pair for both in zip(spread, groups, strict=True) for pair in both]
    draws = _draws(0)
    found: list[Backbone] = []
    for group, macs in order:
        while True:
            network = next(draws)
            graph = network.without_detector.graph
            count = sum(node.macs for node in graph)
            if abs(count / macs - 1) <= NEAR:
                break
        held = {name: value for name, value in network.draws.items() if not name.startswith("detect.")}
        params = sum(node.params for node in graph)
        found.append(Backbone(len(found), group, held, graph, count, params, _residual(graph)))
    return tuple(found)


def sized(name: str, size: tuple[int, int] = SIZE) -> ast.Architecture:
    """Return the shipped architecture ``name`` with images of ``size``."""
    architecture = archlab.load(name)
    shape = ast.Size((3, *size))
    options = tuple((key, shape if key == "input" else value) for key, value in architecture.options)
    return dataclasses.replace(architecture, options=options)


def _draws(seed: int) -> Iterator[Network]:
    """Yield networks of the detection space, each from a random stream of its own."""
    interpreter = Interpreter(load(sized("detection")))
    attempt = 0
    while True:
        yield interpreter.network(Random(random.Random(f"{seed}/{attempt}")))
        attempt += 1


def _residual(graph: Graph) -> float:
    """Return the share of the four stages that hold a shortcut: an ``add``, or a shuffle unit's untouched half."""
    stages = [f"stage{i}" for i in range(1, 5)]
    return sum(any(n.stage == s and n.op in ("add", "cat") for n in graph) for s in stages) / len(stages)
