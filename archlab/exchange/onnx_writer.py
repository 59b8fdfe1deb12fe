"""The nodes and constants of an ONNX model as they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from archlab.errors import BuildError
from archlab.ir import Graph, Node, Shape
from archlab.nn.module import target_of


class Writer:
    """The nodes and constants of a model as they are written."""

    def __init__(self, graph: Graph, weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.graph = graph
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def emit(self, op: str, output: str, inputs: Sequence[str], name: str, **attrs: Any) -> str:
        """Append an ONNX node; return its output's name."""
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=name, **attrs))
        return output

    def weight(self, node: Node, key: str, shape: Shape | None = None) -> str:
        """Return a parameter or buffer of ``node`` as a constant, under its state-dict key."""
        name, array = f"{target_of(node.name)}.{key}", self.value(node, key)
        self.initializers.append(numpy_helper.from_array(array if shape is None else array.reshape(shape), name))
        return name

    def value(self, node: Node, key: str) -> np.ndarray[Any, Any]:
        """Return the values of a parameter or buffer of ``node``.

        Raises:
            BuildError: the module has none.
        """
        name = f"{target_of(node.name)}.{key}"
        if name not in self.weights:
            raise BuildError(f"{node.name}: the module has no {name}", hint="build it from the same graph")
        return self.weights[name]

    def constant(self, node: Node, key: str, value: np.ndarray[Any, Any]) -> str:
        """Return a constant that belongs to ``node``."""
        name = f"{node.name}/{key}"
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def shape(self, node: Node) -> Shape:
        """Return the shape that enters ``node``."""
        return self.graph.shape_of(node.inputs[0])
