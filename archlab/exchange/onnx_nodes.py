"""What operators are in ONNX: functions that write an operator's node as one or several of ONNX's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.errors import BuildError
from archlab.ir import Node

if TYPE_CHECKING:  # the package onnx need not be installed
    from archlab.exchange.onnx_writer import Writer

Write = Callable[["Writer", Node], None]


def one_node(op: str, *names: str, **fixed: Any) -> Write:
    """Return what writes an operator that ONNX has, attributes meaning the same: ``theirs=ours`` in ``names``.

    ``theirs?=ours`` where the node has the attribute only if it is not the default, which is ONNX's as well.
    """

    def write(w: Writer, node: Node) -> None:
        pairs = [name.split("=") for name in names]
        attrs = {k.rstrip("?"): node.attrs[v] for k, v in pairs if v in node.attrs or not k.endswith("?")}
        w.emit(op, node.name, node.inputs, node.name, **fixed, **attrs)

    return write


def one_node_with_weights(op: str, *keys: str, **names: str) -> Write:
    """Return what writes an operator with constants: its state's ``keys`` in ONNX's order, and attributes."""

    def write(w: Writer, node: Node) -> None:
        inputs = [*node.inputs, *(w.weight(node, key) for key in keys)]
        w.emit(op, node.name, inputs, node.name, **{theirs: node.attrs[ours] for theirs, ours in names.items()})

    return write


def linear(w: Writer, node: Node) -> None:
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    w.emit("Gemm", node.name, inputs, node.name, transB=1)


def adaptive_pooling(w: Writer, node: Node) -> None:
    """Write the mean over each cell of the grid, as two matrix products."""
    rows, columns = (_means(size, n) for size, n in zip(w.shape(node)[1:], node.attrs["size"], strict=True))
    left = w.constant(node, "rows", rows)
    half = w.emit("MatMul", f"{node.name}/half", [left, *node.inputs], f"{node.name}/half")
    w.emit("MatMul", node.name, [half, w.constant(node, "columns", columns.T.copy())], node.name)


def _means(size: int, n: int) -> np.ndarray[Any, Any]:
    """Return the n x size matrix that takes means as torch's AdaptiveAvgPool2d does."""
    matrix = np.zeros((n, size), np.float32)
    for i in range(n):
        start, stop = i * size // n, -(-(i + 1) * size // n)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def batch_norm(w: Writer, node: Node) -> None:
    if node.weights:
        affine = [w.weight(node, key) for key in ("weight", "bias")]
    else:
        values = (("weight", np.ones), ("bias", np.zeros))
        affine = [w.constant(node, key, make(node.attrs["channels"], np.float32)) for key, make in values]
    inputs = [*node.inputs, *affine, *(w.weight(node, key) for key in ("running_mean", "running_var"))]
    w.emit("BatchNormalization", node.name, inputs, node.name, epsilon=node.attrs["eps"])


def group_norm(w: Writer, node: Node) -> None:
    inputs = [*node.inputs, *(w.weight(node, key) for key in ("weight", "bias"))]
    w.emit("GroupNormalization", node.name, inputs, node.name,
           num_groups=node.attrs["groups"], epsilon=node.attrs.get("eps", 1e-5))  # fmt: skip


def layer_norm(w: Writer, node: Node) -> None:
    affine = [w.weight(node, "weight"), w.weight(node, "bias")]
    if len(node.shape) == 1:
        w.emit("LayerNormalization", node.name, [*node.inputs, *affine], node.name,
               axis=-1, epsilon=node.attrs["eps"])  # fmt: skip
        return
    last = w.emit("Transpose", f"{node.name}/last", node.inputs, f"{node.name}/last", perm=[0, 2, 3, 1])
    normed = w.emit("LayerNormalization", f"{node.name}/normed", [last, *affine], f"{node.name}/normed",
                    axis=-1, epsilon=node.attrs["eps"])  # fmt: skip
    w.emit("Transpose", node.name, [normed], node.name, perm=[0, 3, 1, 2])


def silu(w: Writer, node: Node) -> None:
    gate = w.emit("Sigmoid", f"{node.name}/gate", node.inputs, f"{node.name}/gate")
    w.emit("Mul", node.name, [*node.inputs, gate], node.name)


def bounded(bounds: Callable[[Mapping[str, Any]], tuple[float, float]]) -> Write:
    """Return what writes an operator that keeps values between two, which follow from its attributes."""

    def write(w: Writer, node: Node) -> None:
        pairs = zip(("low", "high"), bounds(node.attrs), strict=True)
        limits = [w.constant(node, key, np.array(value, np.float32)) for key, value in pairs]
        w.emit("Clip", node.name, [*node.inputs, *limits], node.name)

    return write


def with_number(op: str) -> Write:
    """Return what writes an operator on the input and the number ``x``."""

    def write(w: Writer, node: Node) -> None:
        number = w.constant(node, "x", np.array(node.attrs["x"], np.float32))
        w.emit(op, node.name, [*node.inputs, number], node.name)

    return write


def prelu(w: Writer, node: Node) -> None:
    shape = (*node.weights["weight"], *(1 for _ in node.shape[1:]))
    w.emit("PRelu", node.name, [*node.inputs, w.weight(node, "weight", shape)], node.name)


def refuse_boxes(w: Writer, node: Node) -> None:
    raise BuildError(
        f"{node.name}: a box head is exported whole, by tracing",
        hint="use archlab.exchange.export.export, or its neck alone",
    )


def refuse_opaque(w: Writer, node: Node) -> None:
    raise BuildError(f'{node.name}: opaque("{node.attrs["name"]}") stands for a module that is not in the text')


def shuffle(w: Writer, node: Node) -> None:
    c, height, width = node.shape
    groups = node.attrs["groups"]
    split = w.constant(node, "split", np.array([0, groups, c // groups, height, width]))
    joined = w.constant(node, "joined", np.array([0, c, height, width]))
    wide = w.emit("Reshape", f"{node.name}/wide", [*node.inputs, split], f"{node.name}/wide")
    turned = w.emit("Transpose", f"{node.name}/turned", [wide], f"{node.name}/turned", perm=[0, 2, 1, 3, 4])
    w.emit("Reshape", node.name, [turned, joined], node.name)


def group_softmax(w: Writer, node: Node) -> None:
    wide = _grouped(w, node)
    against = w.emit("Softmax", f"{node.name}/against", [wide], f"{node.name}/against", axis=1)
    w.emit("Reshape", node.name, [against, w.constant(node, "joined", np.array([0, *node.shape]))], node.name)


def group_sum(w: Writer, node: Node) -> None:
    axes = w.constant(node, "axes", np.array([1]))
    w.emit("ReduceSum", node.name, [_grouped(w, node), axes], node.name, keepdims=0)


def _grouped(w: Writer, node: Node) -> str:
    """Write the input with an axis of groups before its channels."""
    groups = node.attrs["groups"]
    c, *places = w.shape(node)
    split = w.constant(node, "split", np.array([0, groups, c // groups, *places]))
    return w.emit("Reshape", f"{node.name}/wide", [*node.inputs, split], f"{node.name}/wide")


def slice_channels(w: Writer, node: Node) -> None:
    bounds = [w.constant(node, key, np.array([node.attrs[key]])) for key in ("start", "stop")]
    w.emit("Slice", node.name, [*node.inputs, *bounds, w.constant(node, "axis", np.array([1]))], node.name)


def product(w: Writer, node: Node) -> None:
    total = node.inputs[0]
    for i, factor in enumerate(node.inputs[1:], 2):
        output = node.name if i == len(node.inputs) else f"{node.name}/{i}"
        total = w.emit("Mul", output, [total, factor], output)
