"""The operators for the exporter that traces: ``torch.onnx.export(dynamo=False)``, opset 16 and above.

The ONNX graph is written once, in ``onnx_graph``; here its nodes are added to a TorchScript graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.onnx.symbolic_helper

from archlab.roi.onnx_graph import write_align

OPSET = 16
# Not annotated in torch.
_onnx: Any = torch.onnx
_SUFFIXES = {int: "i", bool: "i", float: "f", str: "s"}


class TorchScriptNodes:
    """Adds nodes to a TorchScript graph as onnxscript's opsets do: ``op.Slice(x, [1], [5], [1])``."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def add(*inputs: Any, **attributes: Any) -> Any:
            if name == "Constant":
                return self._constant(attributes["value_ints"])
            named = {f"{key}_{_suffix(value)}": value for key, value in attributes.items()}
            outputs = {"outputs": 2} if name == "MaxPool" else {}
            return self.graph.op(name, *map(self._input, inputs), **named, **outputs)

        return add

    def _input(self, value: Any) -> Any:
        return value if isinstance(value, torch.Value) else self._constant(value)

    def _constant(self, value: Any) -> Any:
        return self.graph.op("Constant", value_t=torch.tensor(value))


def _suffix(value: Any) -> str:
    return _SUFFIXES[type(value[0] if isinstance(value, list) else value)]


def _align(graph: Any, features: Any, boxes: Any, levels: Any, _choice: Any, tangents: Any, *numbers: Any) -> Any:
    helper = _onnx.symbolic_helper
    maps = helper._unpack_list(features)
    kinds = ("fs", "is", "i", "b", "s")
    read = [helper._get_const(n, kind, "an argument") for n, kind in zip(numbers, kinds, strict=True)]
    given = [None if helper._is_none(x) else x for x in (levels, tangents)]
    kind = _onnx.JitScalarType.from_value(maps[0]).onnx_type()
    return write_align(TorchScriptNodes(graph), int(kind), maps, boxes, *given, *read)


def _choose(graph: Any, _features: Any, boxes: Any, *_rest: Any) -> Any:
    """Return a placeholder of the right type: the maximum is taken where the values are read."""
    return graph.op("Cast", graph.op("Shape", boxes), to_i=6)


def register_symbolics() -> None:
    """Tell the exporter how to write the operators."""
    _onnx.register_custom_op_symbolic("archlab::roi_align", _align, OPSET)
    _onnx.register_custom_op_symbolic("archlab::roi_choose", _choose, OPSET)
