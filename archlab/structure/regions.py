"""Layers as a series of elements: what runs in parallel between a fork and its join is one element.

Joins are taken in running order, so that inner ones are elements before the outer ones are looked at. A join whose
inputs do not all come from one fork, such as an addition in a feature pyramid, stays a layer of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlab.ir import Graph, Node
from archlab.structure.layers import Layer, layers_of


@dataclass(frozen=True, slots=True)
class Join:
    """Branches between a fork and the operator that joins them.

    Attributes:
        layer: the operator that joins them, with the light ones behind it.
        source: the node that all branches take.
        branches: the elements of each in order, in the order of the operator's inputs; none where it takes the fork.
    """

    layer: Layer
    source: str
    branches: tuple[tuple[Element, ...], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The node whose output it takes."""
        return (self.source,)

    @property
    def output(self) -> str:
        """The node whose output others take."""
        return self.layer.output

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The operators of all branches, then those of the join."""
        return (*(node for branch in self.branches for element in branch for node in element.nodes), *self.layer.nodes)


Element = Layer | Join
Branch = Sequence[Element]


def elements_of(graph: Graph) -> tuple[Element, ...]:
    """Return the elements of a graph in the order of their outputs; each operator stands in one."""
    layers = layers_of(graph)
    uses = Counter(name for layer in layers for name in layer.inputs)
    uses.update(graph.outputs)
    made: dict[str, Element] = {}
    for layer in layers:
        join = _join(layer, made, uses) if len(layer.inputs) > 1 else None
        if join is None:
            made[layer.output] = layer
            continue
        for branch in join.branches:
            for element in branch:
                del made[element.output]
        uses[join.source] -= len(join.branches) - 1
        made[join.output] = join
    return tuple(made.values())


def _join(layer: Layer, made: dict[str, Element], uses: Counter[str]) -> Join | None:
    found = [_branch(name, made, uses) for name in layer.inputs]
    sources = {source for source, _ in found}
    return Join(layer, sources.pop(), tuple(branch for _, branch in found)) if len(sources) == 1 else None


def _branch(name: str, made: dict[str, Element], uses: Counter[str]) -> tuple[str, tuple[Element, ...]]:
    """Return the fork that the elements before ``name`` come from, and these elements."""
    branch: list[Element] = []
    while uses[name] == 1 and name in made and len(made[name].inputs) == 1:
        branch.append(made[name])
        name = made[name].inputs[0]
    return name, tuple(reversed(branch))


def layers_in(elements: Sequence[Element]) -> Iterator[Layer]:
    """Yield the layers of elements and of their branches."""
    for element in elements:
        if isinstance(element, Join):
            for branch in element.branches:
                yield from layers_in(branch)
            yield element.layer
        else:
            yield element


def beside_fork(join: Join) -> Branch | None:
    """Return the one branch with elements where there are two, and the other is the fork itself."""
    filled = [branch for branch in join.branches if branch]
    return filled[0] if len(join.branches) == 2 and len(filled) == 1 else None
