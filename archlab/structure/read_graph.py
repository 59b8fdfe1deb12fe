"""What a structure can be found in: whatever names a network, and whatever has a graph, such as a lifted model."""

from __future__ import annotations

from typing import Any

from archlab.elaborate import Network, Source, Space, graph_of
from archlab.errors import InputError
from archlab.ir import Graph

Described = Source | Space | Network | Graph


def graph_read(source: Any) -> Graph:
    """Return the graph of a network, of what names or writes down one, or of a lifted model.

    Raises:
        InputError: it has none, as a torch module has none before it is lifted.
        ArchlabError: a text is wrong.
    """
    graph = getattr(source, "graph", None)
    if isinstance(graph, Graph):
        return graph
    if callable(getattr(source, "forward", None)):
        raise InputError(
            f"a torch module ({type(source).__name__}) has no graph of archlab's operators",
            hint="archlab.lift(model, inputs) reads one from it",
        )
    return graph_of(source)
