"""A graph of the language's operators as a readable text of the same network."""

from __future__ import annotations

from archlab.grammar import unparse
from archlab.grammar.ast import Architecture
from archlab.ir import Graph
from archlab.lift.decompose import decompose
from archlab.lift.find_blocks import BRANCHES, ROW, SINGLE, with_blocks
from archlab.lift.fuse import fuse
from archlab.lift.prelude_blocks import with_prelude_blocks
from archlab.lift.skips import with_skips
from archlab.lift.stages import architecture_of
from archlab.lift.tidy_blocks import with_tidy_blocks
from archlab.lift.verify_text import verify


def write_text(graph: Graph, name: str | None = None) -> Architecture:
    """Return ``graph`` as an architecture that a person can read; ``unparse`` prints it.

    Raises:
        LiftError: the language cannot say it; the message names the node.
    """
    tree = with_skips(with_prelude_blocks(fuse(decompose(graph))))
    texts = [architecture_of(with_tidy_blocks(with_blocks(tree, kinds)), name or graph.name) for kinds in _WAYS]
    architecture = min(texts, key=lambda text: len(unparse(text)))
    verify(graph, architecture)
    return architecture


_WAYS = ((BRANCHES, ROW, SINGLE), (ROW, BRANCHES, SINGLE), ())
"""The orders in which blocks are looked for, of which the shortest text is taken; without blocks is one."""
