"""Graph and weights to ONNX: one writer a row of the table of operators, so that every name stays what it was.

Written here and not by tracing: the nodes are called by their paths, the initialisers by their state-dict keys, and a
network takes milliseconds. The batch is dynamic; height and width are the network's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from archlab.detector import NECK
from archlab.errors import BuildError
from archlab.ir import INPUT, Graph, Node, Shape
from archlab.nn.module import target_of

OPSET = 21
IR_VERSION = 10


def to_onnx(graph: Graph, module: nn.Module) -> onnx.ModelProto:
    """The ONNX model of ``graph`` with the weights of ``module`` (as ``archlab.nn.build`` made it), for inference.

    Its input is ``input`` (batch, C, H, W) and its output ``output``, or of a neck ``p2``, ``p3`` …; it is checked by
    ``onnx.checker``.

    Raises:
        BuildError: an operator has no writer, or a weight is missing.
    """
    writer = _Writer(graph, {key: value.detach().cpu().numpy() for key, value in module.state_dict().items()})
    for node in graph:
        if node.op not in WRITERS:
            raise BuildError(f"{node.name}: there is no ONNX for the operator {node.op}")
        WRITERS[node.op](writer, node)
    outputs = dict(zip(output_names(graph), graph.outputs, strict=True))
    for name, node_name in outputs.items():
        writer.emit("Identity", name, [node_name], name)
    proto = helper.make_graph(
        writer.nodes,
        graph.name,
        [_value(INPUT, graph.input_shape)],
        [_value(name, graph.shape_of(node_name)) for name, node_name in outputs.items()],
        writer.initializers,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="archlab")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def output_names(graph: Graph) -> list[str]:
    """What the outputs are called: ``output``, or where there are several the parts that give them."""
    if len(graph.outputs) == 1:
        return ["output"]
    if graph[graph.outputs[0]].stage == NECK:
        return [graph[name].block.partition(".")[2] for name in graph.outputs]
    return [name.rpartition(".")[2] for name in graph.outputs]


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


class _Writer:
    """The nodes and constants of a model as they are written."""

    def __init__(self, graph: Graph, weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.graph = graph
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def emit(self, op: str, output: str, inputs: Sequence[str], name: str, **attrs: Any) -> str:
        """Appends an ONNX node; returns its output's name."""
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=name, **attrs))
        return output

    def weight(self, node: Node, key: str, shape: Shape | None = None) -> str:
        """A parameter or buffer of ``node`` as a constant, under its state-dict key."""
        name = f"{target_of(node.name)}.{key}"
        if name not in self.weights:
            raise BuildError(f"{node.name}: the module has no {name}", hint="build it from the same graph")
        array = self.weights[name]
        self.initializers.append(numpy_helper.from_array(array if shape is None else array.reshape(shape), name))
        return name

    def constant(self, node: Node, key: str, value: np.ndarray[Any, Any]) -> str:
        """A constant that belongs to ``node``."""
        name = f"{node.name}/{key}"
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def shape(self, node: Node) -> Shape:
        """The shape that enters ``node``."""
        return self.graph.shape_of(node.inputs[0])


Write = Callable[[_Writer, Node], None]


def _simple(op: str, *names: str, **fixed: Any) -> Write:
    """An operator that ONNX has, with attributes of the same meaning: ``theirs=ours`` in ``names``."""

    def write(w: _Writer, node: Node) -> None:
        attrs = dict(name.split("=") for name in names)
        w.emit(op, node.name, node.inputs, node.name, **fixed, **{k: node.attrs[v] for k, v in attrs.items()})

    return write


def _weighted(op: str, *keys: str, **names: str) -> Write:
    """An operator with constants: its state's ``keys`` in ONNX's order, and attributes."""

    def write(w: _Writer, node: Node) -> None:
        inputs = [*node.inputs, *(w.weight(node, key) for key in keys)]
        w.emit(op, node.name, inputs, node.name, **{theirs: node.attrs[ours] for theirs, ours in names.items()})

    return write


def _conv(w: _Writer, node: Node) -> None:
    a = node.attrs
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    window = {"kernel_shape": a["kernel"], "strides": a["stride"], "pads": a["padding"] * 2}
    w.emit("Conv", node.name, inputs, node.name, **window, dilations=a["dilation"], group=a["groups"])


def _linear(w: _Writer, node: Node) -> None:
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    w.emit("Gemm", node.name, inputs, node.name, transB=1)


def _pool(op: str, **fixed: Any) -> Write:
    def write(w: _Writer, node: Node) -> None:
        a = node.attrs
        # What ceil mode adds is written as padding: runtimes differ on a last window that begins in the padding.
        spans = zip(w.shape(node)[1:], node.shape[1:], a["kernel"], a["stride"], a["padding"], strict=True)
        ends = [max(p, (out - 1) * s + k - size - p) if a["ceil"] else p for size, out, k, s, p in spans]
        pads = [*a["padding"], *ends]
        if op == "AveragePool" and a["ceil"]:
            w.emit(op, node.name, node.inputs, node.name, kernel_shape=a["kernel"], strides=a["stride"],
                   pads=a["padding"] * 2, ceil_mode=1, **fixed)  # fmt: skip
            return
        w.emit(op, node.name, node.inputs, node.name, kernel_shape=a["kernel"], strides=a["stride"], pads=pads, **fixed)

    return write


def _adaptive(w: _Writer, node: Node) -> None:
    """The mean over each cell of the grid, as two matrix products."""
    rows, columns = (_means(size, n) for size, n in zip(w.shape(node)[1:], node.attrs["size"], strict=True))
    left = w.constant(node, "rows", rows)
    half = w.emit("MatMul", f"{node.name}/half", [left, *node.inputs], f"{node.name}/half")
    w.emit("MatMul", node.name, [half, w.constant(node, "columns", columns.T.copy())], node.name)


def _means(size: int, n: int) -> np.ndarray[Any, Any]:
    """The n x size matrix that takes means as torch's AdaptiveAvgPool2d does."""
    matrix = np.zeros((n, size), np.float32)
    for i in range(n):
        start, stop = i * size // n, -(-(i + 1) * size // n)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def _layer_norm(w: _Writer, node: Node) -> None:
    last = w.emit("Transpose", f"{node.name}/last", node.inputs, f"{node.name}/last", perm=[0, 2, 3, 1])
    inputs = [last, w.weight(node, "weight"), w.weight(node, "bias")]
    normed = w.emit("LayerNormalization", f"{node.name}/normed", inputs, f"{node.name}/normed",
                    axis=-1, epsilon=node.attrs["eps"])  # fmt: skip
    w.emit("Transpose", node.name, [normed], node.name, perm=[0, 3, 1, 2])


def _silu(w: _Writer, node: Node) -> None:
    gate = w.emit("Sigmoid", f"{node.name}/gate", node.inputs, f"{node.name}/gate")
    w.emit("Mul", node.name, [*node.inputs, gate], node.name)


def _relu6(w: _Writer, node: Node) -> None:
    bounds = [w.constant(node, key, np.array(value, np.float32)) for key, value in (("low", 0), ("high", 6))]
    w.emit("Clip", node.name, [*node.inputs, *bounds], node.name)


def _prelu(w: _Writer, node: Node) -> None:
    shape = (node.attrs["channels"], *(1 for _ in node.shape[1:]))
    w.emit("PRelu", node.name, [*node.inputs, w.weight(node, "weight", shape)], node.name)


def _upsample(w: _Writer, node: Node) -> None:
    scale = float(node.attrs["scale"])
    scales = w.constant(node, "scales", np.array([1, 1, scale, scale], np.float32))
    w.emit("Resize", node.name, [*node.inputs, "", scales], node.name,
           mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip


def _upsample_like(w: _Writer, node: Node) -> None:
    sizes = w.constant(node, "sizes", np.array(node.shape[1:]))
    w.emit("Resize", node.name, [node.inputs[0], "", "", sizes], node.name, axes=[2, 3],
           mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip


def _boxes(w: _Writer, node: Node) -> None:
    raise BuildError(
        f"{node.name}: a box head is exported whole, by tracing",
        hint="use archlab.exchange.export.export, or its neck alone",
    )


def _shuffle(w: _Writer, node: Node) -> None:
    c, height, width = node.shape
    groups = node.attrs["groups"]
    split = w.constant(node, "split", np.array([0, groups, c // groups, height, width]))
    joined = w.constant(node, "joined", np.array([0, c, height, width]))
    wide = w.emit("Reshape", f"{node.name}/wide", [*node.inputs, split], f"{node.name}/wide")
    turned = w.emit("Transpose", f"{node.name}/turned", [wide], f"{node.name}/turned", perm=[0, 2, 1, 3, 4])
    w.emit("Reshape", node.name, [turned, joined], node.name)


def _slice(w: _Writer, node: Node) -> None:
    bounds = [w.constant(node, key, np.array([node.attrs[key]])) for key in ("start", "stop")]
    w.emit("Slice", node.name, [*node.inputs, *bounds, w.constant(node, "axis", np.array([1]))], node.name)


def _mul(w: _Writer, node: Node) -> None:
    total = node.inputs[0]
    for i, factor in enumerate(node.inputs[1:], 2):
        output = node.name if i == len(node.inputs) else f"{node.name}/{i}"
        total = w.emit("Mul", output, [total, factor], output)


WRITERS: dict[str, Write] = {
    "conv2d": _conv,
    "linear": _linear,
    "bn": _weighted("BatchNormalization", "weight", "bias", "running_mean", "running_var", epsilon="eps"),
    "gn": _weighted("GroupNormalization", "weight", "bias", num_groups="groups"),
    "ln": _layer_norm,
    "lrn": _simple("LRN", "size=size", "alpha=alpha", "beta=beta", "bias=k"),
    "scale": _weighted("Mul", "weight"),
    "relu": _simple("Relu"),
    "relu6": _relu6,
    "leaky_relu": _simple("LeakyRelu", "alpha=slope"),
    "elu": _simple("Elu"),
    "gelu": _simple("Gelu"),
    "silu": _silu,
    "mish": _simple("Mish"),
    "hardswish": _simple("HardSwish"),
    "sigmoid": _simple("Sigmoid"),
    "hardsigmoid": _simple("HardSigmoid", alpha=1 / 6, beta=0.5),
    "tanh": _simple("Tanh"),
    "prelu": _prelu,
    "maxpool": _pool("MaxPool"),
    "avgpool": _pool("AveragePool", count_include_pad=1),
    "gap": _simple("GlobalAveragePool"),
    "adaptive_avgpool": _adaptive,
    "upsample": _upsample,
    "upsample_like": _upsample_like,
    "roi_align": _boxes,
    "roi_pool": _boxes,
    "flatten": _simple("Flatten", axis=1),
    "dropout": _simple("Identity"),
    "shuffle": _shuffle,
    "slice": _slice,
    "add": _simple("Sum"),
    "mul": _mul,
    "cat": _simple("Concat", axis=1),
}
"""An operator's node to ONNX nodes, for every row of ``archlab.ops.OPS``."""
