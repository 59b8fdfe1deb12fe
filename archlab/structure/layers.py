"""A graph as layers: each operator that mixes channels or places, with the light ones that go with it.

A norm, an activation, a dropout or a layer scale goes with what it follows. A norm that follows no weighted operator,
such as one behind a concatenation, comes before the next one instead (pre-activation: He et al., arXiv:1603.05027).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from archlab.ir import Graph, Node

NORMS = frozenset({"bn", "gn", "ln", "lrn"})
_NEVER_LIGHT = frozenset({"shuffle", "gap", "gmp", "adaptive_avgpool", "slice", "softmax", "upsample", "resize"})
"""Operators without arithmetic that may keep the shape, and still mix channels or places."""

_BEFORE = frozenset({"flatten", "pad2d", "dropout"})
"""Light operators that go with what follows, so that what lies before keeps its resolution."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Operators that follow each other, of which one, ``main``, is what the layer does.

    Attributes:
        nodes: all of them in running order.
        main: the one that mixes channels or places; in a layer of light ones alone, the first.
        inputs: the nodes whose outputs it takes.
        is_light: whether it has light operators alone.
    """

    nodes: tuple[Node, ...]
    main: Node
    inputs: tuple[str, ...]
    is_light: bool

    @property
    def output(self) -> str:
        """The node whose output others take."""
        return self.nodes[-1].name

    @property
    def after(self) -> tuple[str, ...]:
        """The light operators behind the main one."""
        return tuple(node.op for node in self.nodes[self.nodes.index(self.main) + 1 :])


def _is_light(graph: Graph, node: Node) -> bool:
    """Return whether an operator works on each element, or on each position, by itself, or only views its input."""
    if len(node.inputs) != 1 or node.macs or "kernel" in node.attrs or node.op in _NEVER_LIGHT:
        return False
    return node.op in _BEFORE or node.shape == graph.shape_of(node.inputs[0])


def layers_of(graph: Graph) -> tuple[Layer, ...]:
    """Return the layers of a graph in the order of their outputs."""
    uses = Counter(name for node in graph for name in node.inputs)
    uses.update(graph.outputs)
    made: dict[str, Layer] = {}
    for node in graph:
        light = _is_light(graph, node)
        before = made.get(node.inputs[0]) if len(node.inputs) == 1 and uses[node.inputs[0]] == 1 else None
        if before is not None and _go_together(before, node, light):
            del made[before.output]
            main = node if before.is_light and not light else before.main
            layer = Layer((*before.nodes, node), main, before.inputs, before.is_light and light)
        else:
            layer = Layer((node,), node, node.inputs, light)
        made[layer.output] = layer
    return tuple(made.values())


def _go_together(before: Layer, node: Node, light: bool) -> bool:
    if not light:
        return before.is_light and len(node.inputs) == 1
    if node.op in _BEFORE:
        return before.is_light
    if node.op in NORMS:
        return before.is_light or bool(before.main.weights)
    return True
