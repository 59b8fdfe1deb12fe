"""From a graph to its structure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from archlab.errors import LimitError
from archlab.ir import Graph
from archlab.structure.chains import read
from archlab.structure.found import Block, Structure
from archlab.structure.nest_cats import nest_cats
from archlab.structure.regions import Element, elements_of
from archlab.structure.sections import sections_of


def find_structure(graph: Graph) -> Structure:
    """Return the structure of a graph; time grows with its operators.

    Raises:
        LimitError: its branches nest more deeply than Python's calls can.
    """
    graph = nest_cats(graph)
    try:
        return Structure(graph, sections_of(graph, _blocks(graph)))
    except RecursionError:
        raise LimitError(f"the branches of {graph.name} nest too deeply for a structure") from None


def _blocks(graph: Graph) -> list[Block]:
    elements = elements_of(graph)
    uses = Counter(name for element in elements for name in element.inputs)
    uses.update(graph.outputs)
    return [block for series in _series(elements, uses) for block in read(series)]


def _series(elements: Sequence[Element], uses: Counter[str]) -> Iterator[list[Element]]:
    """Yield runs of elements of which each takes the one before it alone, and is the only one to do so."""
    run: list[Element] = []
    for element in elements:
        if run and (element.inputs != (run[-1].output,) or uses[run[-1].output] > 1):
            yield run
            run = []
        run.append(element)
    if run:
        yield run
