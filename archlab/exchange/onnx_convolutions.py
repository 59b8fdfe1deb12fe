"""What convolutions are in ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.ir import Node

if TYPE_CHECKING:  # the package onnx need not be installed
    from archlab.exchange.onnx_writer import Writer


def convolution(w: Writer, node: Node) -> None:
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    w.emit("Conv", node.name, inputs, node.name, **_window(node), group=node.attrs["groups"])


def _window(node: Node) -> dict[str, Any]:
    a = node.attrs
    pads = [*a["padding"], *a.get("padding_end", a["padding"])]
    return {"kernel_shape": a["kernel"], "strides": a["stride"], "pads": pads, "dilations": a["dilation"]}


def standardised(w: Writer, node: Node) -> None:
    """Write a convolution with the filters as they are once standardised."""
    a = node.attrs
    weight = w.value(node, "weight").astype(np.float64)
    rows = weight.reshape(len(weight), -1)
    normed = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + a["eps"])
    if "gain" in node.weights:
        normed *= w.value(node, "gain").reshape(-1, 1) * a["gamma"] / np.sqrt(rows.shape[1])
    filters = w.constant(node, "filters", normed.reshape(weight.shape).astype(np.float32))
    bias = [w.weight(node, "bias")] if "bias" in node.weights else []
    w.emit("Conv", node.name, [*node.inputs, filters, *bias], node.name, **_window(node), group=a["groups"])


def transposed(w: Writer, node: Node) -> None:
    inputs = [*node.inputs, *(w.weight(node, key) for key in node.weights)]
    w.emit("ConvTranspose", node.name, inputs, node.name, **_window(node),
           output_padding=node.attrs["output_padding"], group=node.attrs["groups"])  # fmt: skip


def channel_convolution(w: Writer, node: Node) -> None:
    c, k = node.shape[0], node.attrs["kernel"]
    row, column = (w.constant(node, key, np.array(shape)) for key, shape in (("row", [0, 1, c]), ("map", [0, c, 1, 1])))
    flat = w.emit("Reshape", f"{node.name}/flat", [*node.inputs, row], f"{node.name}/flat")
    inputs = [flat, w.weight(node, "weight")]
    mixed = w.emit("Conv", f"{node.name}/mixed", inputs, f"{node.name}/mixed", pads=[k // 2, k // 2])
    w.emit("Reshape", node.name, [mixed, column], node.name)
