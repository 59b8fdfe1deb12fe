"""What operators are in ONNX: functions that write an operator's node as one or several of ONNX's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.errors import BuildError
from archlab.ir import Node

if TYPE_CHECKING:  # the package onnx need not be installed
    from archlab.exchange.onnx_writer import Writer

Write = Callable[["Writer", Node], None]


def one_node(op: str, *names: str, **fixed: Any) -> Write:
    """Return what writes an operator that ONNX has, attributes meaning the same: ``theirs=ours`` in ``names``."""

    def write(w: Writer, node: Node) -> None:
        attrs = dict(name.split("=") for name in names)
        w.emit(op, node.name, node.inputs, node.name, **fixed, **{k: node.attrs[v] for k, v in attrs.items()})

    return write


def one_node_with_weights(op: str, *keys: str, **names: str) -> Write:
    """Return what writes an operator with constants: its state's ``keys`` in ONNX's order, and attributes."""

    def write(w: Writer, node: Node) -> None:
        inputs = [*node.inputs, *(w.weight(node, key) for key in keys)]
        w.emit(op, node.name, inputs, node.name, **{theirs: node.attrs[ours] for theirs, ours in names.items()})

    return write


def convolution(w: Writer, node: Node) -> None:
    a = node.attrs
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    window = {"kernel_shape": a["kernel"], "strides": a["stride"], "pads": a["padding"] * 2}
    w.emit("Conv", node.name, inputs, node.name, **window, dilations=a["dilation"], group=a["groups"])


def linear(w: Writer, node: Node) -> None:
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    w.emit("Gemm", node.name, inputs, node.name, transB=1)


def pooling(op: str, **fixed: Any) -> Write:
    def write(w: Writer, node: Node) -> None:
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


def layer_norm(w: Writer, node: Node) -> None:
    last = w.emit("Transpose", f"{node.name}/last", node.inputs, f"{node.name}/last", perm=[0, 2, 3, 1])
    inputs = [last, w.weight(node, "weight"), w.weight(node, "bias")]
    normed = w.emit("LayerNormalization", f"{node.name}/normed", inputs, f"{node.name}/normed",
                    axis=-1, epsilon=node.attrs["eps"])  # fmt: skip
    w.emit("Transpose", node.name, [normed], node.name, perm=[0, 3, 1, 2])


def silu(w: Writer, node: Node) -> None:
    gate = w.emit("Sigmoid", f"{node.name}/gate", node.inputs, f"{node.name}/gate")
    w.emit("Mul", node.name, [*node.inputs, gate], node.name)


def relu6(w: Writer, node: Node) -> None:
    bounds = [w.constant(node, key, np.array(value, np.float32)) for key, value in (("low", 0), ("high", 6))]
    w.emit("Clip", node.name, [*node.inputs, *bounds], node.name)


def prelu(w: Writer, node: Node) -> None:
    shape = (node.attrs["channels"], *(1 for _ in node.shape[1:]))
    w.emit("PRelu", node.name, [*node.inputs, w.weight(node, "weight", shape)], node.name)


def upsample(w: Writer, node: Node) -> None:
    scale = float(node.attrs["scale"])
    scales = w.constant(node, "scales", np.array([1, 1, scale, scale], np.float32))
    w.emit("Resize", node.name, [*node.inputs, "", scales], node.name,
           mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip


def upsample_like(w: Writer, node: Node) -> None:
    sizes = w.constant(node, "sizes", np.array(node.shape[1:]))
    w.emit("Resize", node.name, [node.inputs[0], "", "", sizes], node.name, axes=[2, 3],
           mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip


def refuse_boxes(w: Writer, node: Node) -> None:
    raise BuildError(
        f"{node.name}: a box head is exported whole, by tracing",
        hint="use archlab.exchange.export.export, or its neck alone",
    )


def shuffle(w: Writer, node: Node) -> None:
    c, height, width = node.shape
    groups = node.attrs["groups"]
    split = w.constant(node, "split", np.array([0, groups, c // groups, height, width]))
    joined = w.constant(node, "joined", np.array([0, c, height, width]))
    wide = w.emit("Reshape", f"{node.name}/wide", [*node.inputs, split], f"{node.name}/wide")
    turned = w.emit("Transpose", f"{node.name}/turned", [wide], f"{node.name}/turned", perm=[0, 2, 1, 3, 4])
    w.emit("Reshape", node.name, [turned, joined], node.name)


def slice_channels(w: Writer, node: Node) -> None:
    bounds = [w.constant(node, key, np.array([node.attrs[key]])) for key in ("start", "stop")]
    w.emit("Slice", node.name, [*node.inputs, *bounds, w.constant(node, "axis", np.array([1]))], node.name)


def product(w: Writer, node: Node) -> None:
    total = node.inputs[0]
    for i, factor in enumerate(node.inputs[1:], 2):
        output = node.name if i == len(node.inputs) else f"{node.name}/{i}"
        total = w.emit("Mul", output, [total, factor], output)
