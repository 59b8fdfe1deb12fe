"""A graph in the form in which two are compared: what makes no difference is written in one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archlab.ir import Graph, Node

_DIGITS = 12
"""Numbers that agree in so many digits are one: 1 - 0.9997 is 0.0003."""


def comparable(graph: Graph) -> Graph:
    """Return the same network with dropout behind a flatten where it stands before, and with numbers rounded."""
    uses = Counter(name for node in graph for name in node.inputs)
    uses.update(graph.outputs)
    moved: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph:
        node = replace(node, attrs=_rounded(node.attrs), inputs=tuple(moved.get(name, name) for name in node.inputs))
        dropout = nodes[-1] if nodes else None
        if node.op == "flatten" and dropout is not None and _is_dropout_before(dropout, node, uses):
            nodes[-1:] = [
                replace(node, inputs=dropout.inputs),
                replace(dropout, inputs=(node.name,), shape=node.shape),
            ]
            moved[node.name] = dropout.name
        else:
            nodes.append(node)
    outputs: Sequence[str] = [moved.get(name, name) for name in graph.outputs]
    return replace(graph, nodes=tuple(nodes), outputs=tuple(outputs))


def _is_dropout_before(dropout: Node, flatten: Node, uses: Counter[str]) -> bool:
    return dropout.op == "dropout" and flatten.inputs == (dropout.name,) and uses[dropout.name] == 1


def _rounded(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value for name, value in attrs.items()}
