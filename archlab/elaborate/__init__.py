"""Architecture to network: what holes mean, what is wrong with a text, and the graph that it unfolds into."""

from __future__ import annotations

from archlab.elaborate.draw import Draw, Fixed, Hole, Random, Value, defaults, parse_values
from archlab.elaborate.fill_holes import fill_holes
from archlab.elaborate.interpreter import Interpreter
from archlab.elaborate.network import Network
from archlab.elaborate.space import MAX_NODES, Space, load
from archlab.grammar import ast

__all__ = [
    "MAX_NODES",
    "Draw",
    "Fixed",
    "Hole",
    "Interpreter",
    "Network",
    "Random",
    "Space",
    "Value",
    "defaults",
    "elaborate",
    "fill_holes",
    "load",
    "parse_values",
]


def elaborate(architecture: ast.Architecture, draw: Draw = defaults, max_nodes: int = MAX_NODES) -> Network:
    """Return the network that ``draw`` makes of ``architecture``; by default, its default draw.

    For many draws of one space, make an ``Interpreter`` once: it keeps what they share.

    Raises:
        ElaborationError: the text or the draw describes no network.
        LimitError: it would unfold into more than ``max_nodes`` operators, or hold too large numbers.
    """
    return Interpreter(load(architecture, max_nodes)).network(draw)
