"""A detector with its box head to ONNX: traced, since RoI align over levels has no one operator there."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from archlab.exchange.onnx import output_names
from archlab.ir import Graph
from archlab.nn.blank_inputs import blank_inputs
from archlab.roi import to_onnx as traced


def to_onnx_with_boxes(graph: Graph, module: fx.GraphModule) -> bytes:
    """The ONNX model of a detector: ``input`` (batch, C, H, W) and ``boxes`` (K, 5) to ``classes`` and ``deltas``."""
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
