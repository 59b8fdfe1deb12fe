"""An ONNX file as a trace."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archlab.audit.operands import Argument, Constant, Held, Output
from archlab.ir import Shape
from archlab.lift.needed_calls import parameters_read
from archlab.lift.onnx.node_use import PREVIOUS, NodeUse
from archlab.lift.onnx.onnx_activations import with_activations
from archlab.lift.onnx.onnx_biases import BIASED, with_biases
from archlab.lift.onnx.onnx_nodes import ROWS
from archlab.lift.onnx.onnx_values import OnnxModel
from archlab.lift.trace import Call, Trace

_COLOURS = (1, 3, 4)
LAYERS = (*BIASED, "BatchNormalization", "PRelu")
"""Nodes whose constants are weights, also where there is only one number."""


def trace_of(model: OnnxModel) -> tuple[Trace, dict[str, np.ndarray]]:
    """Return what an ONNX file computes, as calls of PyTorch's operators, and the weights that these read by name.

    Nodes on constants alone are left out. Exporters store equal weights once; here every layer has its own, and a
    further one has ``#2`` behind its name. Where the images have their channels last, as TensorFlow's do, the trace
    says so.
    """
    name, shape = model.input
    origins: dict[str, Argument] = {name: Output(-1, 0)}
    weights = _Weights(model)
    calls: list[Call] = []
    for node in with_activations(with_biases(model), model):
        if all(output in model.fixed for output in node.output if output):
            if node.op_type == "Identity":
                weights.same[node.output[0]] = node.input[0]
            continue
        calls += list(_calls(node, model, origins, weights, len(calls)))
        origins.update({output: Output(len(calls) - 1, i) for i, output in enumerate(node.output)})
    held = {weight: tuple(value.shape) for weight, value in weights.read.items()}
    outputs = tuple((f"['{output}']", origins[output]) for output in model.outputs)
    statistics = {_name_of(c.arguments.get(k)) for c in calls for k in ("running_mean", "running_var")}
    last = len(shape) == 4 and shape[3] in _COLOURS and shape[1] not in _COLOURS
    trace = Trace(model.name, tuple(calls), (shape,), outputs, held, frozenset(held) - statistics, last)
    read = parameters_read(trace, tuple(range(len(calls))))  # not the scales of a Resize, which are no weights
    return dataclasses.replace(trace, parameters=read), weights.read


@dataclass
class _Weights:
    """The weights that layers read, each under a name of its own.

    Attributes:
        read: the values by name.
        same: names that stand for others.
    """

    model: OnnxModel
    read: dict[str, np.ndarray] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)

    def held(self, name: str) -> Argument:
        """Return a weight for one more layer, or a constant that the file computes."""
        while name in self.same:
            name = self.same[name]
        if name not in self.model.weights:
            return Constant(self.model.shape(name))
        number, own = 1, name
        while own in self.read:
            number += 1
            own = f"{name}#{number}"
        self.read[own] = self.model.weights[name]
        return Held(own)


def _name_of(argument: Argument) -> str:
    return argument.name if isinstance(argument, Held) else ""


def _calls(
    node: Any, model: OnnxModel, origins: Mapping[str, Argument], weights: _Weights, number: int
) -> Iterator[Call]:
    layer = node.op_type in LAYERS
    args = tuple(_argument(name, model, origins, weights, layer) for name in node.input)
    use = NodeUse(_attributes(node), tuple(node.input), args, tuple(node.output), model)
    module = _module_of(node)
    row = ROWS.get(node.op_type)
    steps = row(use) if row is not None else [(node.op_type, {str(i): arg for i, arg in enumerate(args)})]
    shapes = tuple(model.shape(name) for name in node.output if name)
    taken = tuple(model.shape(name) for name in node.input if name)
    for at, (op, arguments) in enumerate(steps):
        arguments = {k: Output(number + at - 1) if v == PREVIOUS else v for k, v in arguments.items()}
        last = at == len(steps) - 1
        given = shapes if last else (_between(op, arguments, taken, shapes),)
        yield Call(
            op, module, True, arguments, taken, given, views=op == "t", macs=_macs(op, taken, shapes) if last else 0
        )


def _between(op: str, arguments: Mapping[str, Argument], taken: tuple[Shape, ...], shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape between the steps that a node is said in."""
    if op == "t":
        return taken[1][::-1]
    sides: Any = arguments.get("pad")
    if isinstance(sides, tuple):
        (left, right, top, bottom), (n, c, h, w) = sides, taken[0]
        return (n, c, h + top + bottom, w + left + right)
    return shapes[0]


def _macs(op: str, taken: tuple[Shape, ...], shapes: tuple[Shape, ...]) -> int:
    """Return multiply-accumulates by the formula of each operator that has some."""
    if op in ("conv1d", "conv2d", "conv3d"):
        return math.prod(shapes[0]) * math.prod(taken[1][1:])
    if op.startswith("conv_transpose"):
        return math.prod(taken[0]) * math.prod(taken[1][1:])
    return math.prod(shapes[0]) * taken[0][-1] if op in ("linear", "matmul") else 0


def _argument(name: str, model: OnnxModel, origins: Mapping[str, Argument], weights: _Weights, layer: bool) -> Argument:
    if not name:
        return None
    if name in origins:
        return origins[name]
    value = model.constant(name)
    if value is not None and (value.dtype.kind != "f" or (value.size == 1 and not layer)):
        return Constant(model.shape(name))  # a size or a number, which a row reads as such
    return weights.held(name)


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {
        name: v.decode() if isinstance(v, bytes) else v for name, v in found.items() if not isinstance(v, np.ndarray)
    }


def _module_of(node: Any) -> str:
    """Return the path of the module that a node comes from, as PyTorch's exporter writes it in the node's name.

    ``/layer1/layer1.0/conv1/Conv`` is ``layer1.0.conv1``.
    """
    *parts, last = [part for part in node.name.split("/") if part] or [node.output[0]]
    path = ""
    for part in parts:
        path = part if part.startswith(f"{path}.") or not path else f"{path}.{part}"
    return _words(path or last)


def _words(path: str) -> str:
    cleaned = ".".join("".join(c if c.isalnum() or c == "_" else "_" for c in part) for part in path.split("."))
    return cleaned.strip("._") or "node"
