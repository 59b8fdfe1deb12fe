"""Smaller networks with a trained one's weights, as a search or a rule gives them to be made better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from archlab.ir import Graph
from archlab.original.shrunk import Contender, Draw, LayerKept


@dataclass(frozen=True, eq=False)
class Filled:
    """A smaller network with a trained one's weights, refitted.

    Attributes:
        name: the network's, as among the contenders.
        text: without holes.
        graph, module: of it.
        layers: what of each layer was kept.
    """

    name: str
    text: str
    graph: Graph
    module: nn.Module
    layers: tuple[LayerKept, ...]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What is made better, and of what it was chosen.

    Attributes:
        filled: the best networks, the best first.
        contenders: these and more, by their names, as they were judged.
        draws: all that was judged.
        budgets: limits, by metric.
    """

    filled: tuple[Filled, ...]
    contenders: tuple[Contender, ...] = ()
    draws: tuple[Draw, ...] = ()
    budgets: Mapping[str, float] = field(default_factory=dict)
