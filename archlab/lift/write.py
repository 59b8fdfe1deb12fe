"""A graph of the language's operators as a readable text of the same network."""

from __future__ import annotations

from archlab.grammar.ast import Architecture
from archlab.ir import Graph
from archlab.lift.decompose import decompose
from archlab.lift.fuse import fuse
from archlab.lift.layers import Chain, rebuilt
from archlab.lift.fold import fold
from archlab.lift.stages import architecture_of_stages
from archlab.lift.verify_text import verify


def write_text(graph: Graph, name: str | None = None) -> Architecture:
    """Return ``graph`` as an architecture that a person can read; ``unparse`` prints it.

    Raises:
        LiftError: the language cannot say it; the message names the node.
    """
    tree = fuse(decompose(graph))
    tree = rebuilt(tree, fold)
    architecture = architecture_of_stages(tree, {}, name or graph.name)
    verify(graph, architecture)
    return architecture
