"""Operators put onto a graph one by one, under names of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from archlab.ir import Graph, Node, Shape
from archlab.ops import OPS, apply_op


class Grown:
    """The nodes of one stage as they are appended.

    Attributes:
        nodes: those appended so far, in running order.
        shapes: the shape of every value that they may take, by name.
        rows: how many of it one image has, where it is not one.
    """

    def __init__(self, stage: str, shapes: Mapping[str, Shape]) -> None:
        self.stage = stage
        self.nodes: list[Node] = []
        self.shapes = dict(shapes)
        self.rows: dict[str, int] = {}

    def append(self, path: str, op: str, inputs: Sequence[str], init: Any = None, **args: object) -> str:
        """Append the operator ``op`` at ``path`` below the stage; return its name.

        The block is the path's first part. ``init`` is what ``archlab.nn.build`` starts its weights with.
        """
        rows = self.rows.get(inputs[0], 1)
        applied = apply_op(op, [self.shapes[name] for name in inputs], {**OPS[op].signature, **args}, rows)
        if init is not None:
            applied = dataclasses.replace(applied, attrs={**applied.attrs, "init": init})
        block = f"{self.stage}.{path.partition('.')[0]}"
        node = Node.of(applied, f"{self.stage}.{path}", tuple(inputs), self.stage, block)
        self.nodes.append(node)
        self.shapes[node.name] = node.shape
        self.rows[node.name] = node.rows
        return node.name


def prune(graph: Graph) -> Graph:
    """Return ``graph`` without the nodes that lead to none of its outputs."""
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return dataclasses.replace(graph, nodes=tuple(node for node in graph if node.name in needed))
