"""A graph of the language's operators as a readable text of the same network."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from archlab.elaborate import Network
from archlab.errors import LiftError
from archlab.grammar import unparse
from archlab.grammar.ast import Architecture
from archlab.ir import Graph
from archlab.lift.text.decompose import decompose
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults, commonest
from archlab.lift.text.drafts import Draft
from archlab.lift.text.find_blocks import with_blocks
from archlab.lift.text.fuse import fuse
from archlab.lift.text.prelude_blocks import with_prelude_blocks
from archlab.lift.text.skips import with_skips
from archlab.lift.text.stages import architecture_of
from archlab.lift.text.tidy_blocks import with_tidy_blocks
from archlab.lift.text.windows import BRANCHES, ROW, SINGLE
from archlab.lift.verify_text import verify

_WAYS: Mapping[tuple[int, ...], float] = {(BRANCHES, ROW, SINGLE): 1.0, (ROW, BRANCHES, SINGLE): 1.1, (): 1.0}
"""The orders in which blocks are looked for, and what a character weighs in each: the lightest text is taken.

Whole blocks first reads better, and small rows first is shorter where networks are made of them; without blocks is one.
"""
_WAY_WITHOUT_DEFAULTS: Mapping[tuple[int, ...], float] = {(BRANCHES, ROW, SINGLE): 1.1}
"""The same for a text that leaves the defaults as they are, where most of its convolutions have others."""


def write_text(graph: Graph, name: str | None = None) -> Architecture:
    """Return ``graph`` as an architecture that a person can read; ``unparse`` prints it. See ``write_network``."""
    return write_network(graph, name)[0]


def write_network(graph: Graph, name: str | None = None) -> tuple[Architecture, Network]:
    """Return ``graph`` as an architecture that a person can read, and the network that its text says.

    It is verified: the text's own graph is the same, see ``archlab.lift.verify_text.verify``.

    Args:
        graph: operators of the language under any names; nothing of these is in the text.
        name: the network's name; the graph's by default.

    Raises:
        LiftError: the language cannot say it; the message names the node.
    """
    defaults = commonest(graph)
    drafts = _drafts(graph, defaults, _WAYS)
    if defaults != NO_DEFAULTS:
        drafts += _drafts(graph, NO_DEFAULTS, _WAY_WITHOUT_DEFAULTS)
    texts = [(architecture_of(draft, name or graph.name), weight) for draft, weight in drafts]
    texts.sort(key=lambda text: len(unparse(text[0])) * text[1])
    for architecture, _ in texts[:-1]:
        with contextlib.suppress(LiftError):  # a wrong text is not written; a longer one may be right
            return architecture, verify(graph, architecture)
    return texts[-1][0], verify(graph, texts[-1][0])


def _drafts(graph: Graph, defaults: Defaults, ways: Mapping[tuple[int, ...], float]) -> list[tuple[Draft, float]]:
    tree = with_skips(with_prelude_blocks(fuse(decompose(graph, defaults.p), defaults), defaults))
    return [(with_tidy_blocks(with_blocks(tree, kinds, defaults)), weight) for kinds, weight in ways.items()]
