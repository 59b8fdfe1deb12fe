"""A network to ONNX; with its box head traced, since RoI align over levels has no one operator there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from archlab.elaborate import Network, Space
from archlab.errors import InputError
from archlab.exchange.export_parts import DetectorPart, Weights, build_part
from archlab.ir import BOXES, Graph
from archlab.nn.blank_inputs import blank_inputs

if TYPE_CHECKING:
    from torch import fx


def write(space: Space, network: Network, seed: int, part: DetectorPart, weights: Weights | None = None) -> bytes:
    """Return the ONNX model's bytes.

    Raises:
        InputError: there is no such part, or the package onnx is not installed.
    """
    graph, module = build_part(network, part, seed, weights)
    try:
        if BOXES in graph.inputs:
            return to_onnx_with_boxes(graph, module)
        from archlab.exchange.onnx_graph import to_onnx
    except ImportError as error:
        raise InputError("export to ONNX needs the package onnx", hint="pip install 'archlab[onnx]'") from error
    return bytes(to_onnx(graph, module).SerializeToString())


def to_onnx_with_boxes(graph: Graph, module: fx.GraphModule) -> bytes:
    """The ONNX model of a detector: ``input`` (batch, C, H, W) and ``boxes`` (K, 5) to ``classes`` and ``deltas``."""
    from archlab.exchange.onnx_graph import output_names
    from archlab.roi import to_onnx as traced

    shapes = tuple({0: torch.export.Dim(name)} for name in ("batch", "rois"))
    model = traced(module, blank_inputs(graph, images=2), dynamic_shapes=shapes).model_proto
    _rename([value.name for value in model.graph.input], ["input", "boxes"], model)
    _rename([value.name for value in model.graph.output], output_names(graph), model)
    model.graph.name = graph.name
    return bytes(model.SerializeToString())


def _rename(old: list[str], new: list[str], model: Any) -> None:
    names = dict(zip(old, new, strict=True))
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
