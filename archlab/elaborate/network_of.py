"""Whatever names a network, read in one way: a shipped name, a file, a text, an architecture, a space or a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from archlab.elaborate.draw import Draw, Fixed, Value, defaults
from archlab.elaborate.interpreter import Interpreter
from archlab.elaborate.network import Network
from archlab.elaborate.space import MAX_NODES, Space, load
from archlab.errors import InputError, quote
from archlab.grammar import parse, parse_file
from archlab.grammar.ast import Architecture
from archlab.ir import Graph
from archlab.resources import find_architecture

Source = str | Path | Architecture
"""What an architecture can be read from: a shipped name, an ``.arch`` file, a text, or the syntax tree itself."""

_SOURCES = "a shipped name such as 'resnet50', an .arch file, a text, or an Architecture"
_BEGINS_A_TEXT = re.compile(r"\s*net\s")


def architecture_of(source: Source) -> Architecture:
    """Return the architecture that ``source`` names, writes down or is.

    A string of several lines, or one that begins with the word ``net``, is a text; any other is a name or a path.

    Raises:
        InputError: neither a shipped name nor a file that can be read, or of another type.
        ArchlabError: the text is not an architecture.
    """
    if isinstance(source, Architecture):
        return source
    if isinstance(source, str) and ("\n" in source or _BEGINS_A_TEXT.match(source)):
        return parse(source)
    if isinstance(source, str | Path):
        return parse_file(find_architecture(str(source)))
    raise InputError(f"{described(source)} is no architecture", hint=f"give {_SOURCES}")


def space_of(source: Source | Space, max_nodes: int = MAX_NODES) -> Space:
    """Return the checked space of networks that ``source`` names, writes down or is.

    Raises:
        InputError, ArchlabError: as ``architecture_of``.
        ElaborationError: a name, an argument or a definition in the text is wrong.
    """
    if isinstance(source, Space):
        return source
    if isinstance(source, Network | Graph):
        raise InputError(f"{described(source)} has no holes left to fill", hint=f"give {_SOURCES}, or a Space")
    return load(architecture_of(source), max_nodes)


def draw_of(values: Draw | Mapping[str, Value]) -> Draw:
    """Return a draw: of a mapping from names to values, the one that gives these.

    Raises:
        InputError: ``values`` is neither.
    """
    if isinstance(values, Mapping):
        return Fixed(values)
    if callable(values) and not isinstance(values, type):
        return values
    raise InputError(
        f"{described(values)} fills no holes", hint='give values like {"width_mult": 0.5}, or a function of a Hole'
    )


def network_of(source: Source | Space | Network) -> Network:
    """Return ``source`` itself where it is a network, else the default draw of what it names, writes down or is.

    Raises:
        InputError, ArchlabError: as ``architecture_of``.
        ElaborationError: the text describes no network.
    """
    if isinstance(source, Network):
        return source
    if isinstance(source, Graph):
        raise InputError(f"{described(source)} is not a Network", hint="give the network; by_op and build take a graph")
    return Interpreter(space_of(source)).network(defaults)


def graph_of(source: Source | Space | Network | Graph) -> Graph:
    """Return ``source`` itself where it is a graph, else the graph of the network that ``network_of`` returns.

    Raises:
        InputError, ArchlabError: as ``network_of``.
    """
    return source if isinstance(source, Graph) else network_of(source).graph


def described(value: object) -> str:
    """Return a value and its type for a message, cut where it is long.

    >>> described([1, 2])
    '[1, 2] (list)'
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"{quote(repr(value))[1:-1]} ({type(value).__name__})"
