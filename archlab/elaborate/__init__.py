"""Architecture to network: what holes mean, what is wrong with a text, and the graph that it unfolds into."""

from __future__ import annotations

from collections.abc import Mapping

from archlab.elaborate.alike import alike_options
from archlab.elaborate.draw import Draw, Fixed, Hole, Random, Value, defaults, parse_values
from archlab.elaborate.fill_holes import fill_holes
from archlab.elaborate.interpreter import Interpreter
from archlab.elaborate.network import Network
from archlab.elaborate.network_of import Source, architecture_of, draw_of, graph_of, network_of, space_of
from archlab.elaborate.space import MAX_NODES, Space, load

__all__ = [
    "MAX_NODES",
    "Draw",
    "Fixed",
    "Hole",
    "Interpreter",
    "Network",
    "Random",
    "Source",
    "Space",
    "Value",
    "alike_options",
    "architecture_of",
    "defaults",
    "elaborate",
    "fill_holes",
    "graph_of",
    "load",
    "network_of",
    "parse_values",
    "space_of",
]


def elaborate(
    architecture: Source | Space, draw: Draw | Mapping[str, Value] = defaults, max_nodes: int = MAX_NODES
) -> Network:
    """Return the network that ``draw`` makes of ``architecture``; by default, its default draw.

    For many draws of one space, make an ``Interpreter`` once: it keeps what they share.

    Args:
        architecture: a shipped name, an ``.arch`` file, a text, an architecture or a space.
        draw: values by the holes' names, such as ``{"width_mult": 0.5}``, or a function from a hole to its value.
        max_nodes: how many operators the network may have; a ``Space`` has its own limit.

    Raises:
        InputError: an argument names nothing, or no hole of the network; or a hole cannot take its value.
        ElaborationError: the text or the draw describes no network.
        LimitError: it would unfold into more than ``max_nodes`` operators, or hold too large numbers.

    >>> elaborate("resnet50", {"width_mult": 0.5}).body.params
    6917640
    """
    return Interpreter(space_of(architecture, max_nodes)).network(draw_of(draw))
