"""Whether a text says the graph that it was written from."""

from __future__ import annotations

from collections import Counter

from archlab.elaborate import Network, elaborate
from archlab.errors import ArchlabError, LiftError
from archlab.grammar import unparse
from archlab.grammar.ast import Architecture
from archlab.ir import Graph
from archlab.lift.text.cats import with_flat_cats


def verify(graph: Graph, architecture: Architecture) -> Network:
    """Check that ``architecture``, as it prints, is the network ``graph``: its operators, arguments and wiring.

    Concatenations may be nested otherwise: the channels and their order are the same.

    Returns:
        what the text says.

    Raises:
        LiftError: it is not; the message names the first node that the text does not say.
    """
    try:
        network = elaborate(unparse(architecture), max_nodes=2 * len(graph) + 1000)
    except ArchlabError as error:
        raise LiftError(
            f"{graph.name}: the text written for it breaks a rule of the language: {error.one_line}",
            hint="what is too wide or too deep for one text can be lifted in parts, such as modules of the model",
        ) from None
    written = network.graph
    if written.digest == graph.digest:
        return network
    given, said = with_flat_cats(graph), with_flat_cats(written)
    if said.digest != given.digest:
        raise LiftError(f"{graph.name}: the text written for it is another network: {_difference(given, said)}")
    return network


def _difference(given: Graph, said: Graph) -> str:
    said_hashes = Counter(said.hashes.values())
    for name, hash_ in given.hashes.items():
        if not said_hashes[hash_]:
            return f"it lacks {name}"
        said_hashes[hash_] -= 1
    return f"it has {len(said) - len(given)} more operators"
