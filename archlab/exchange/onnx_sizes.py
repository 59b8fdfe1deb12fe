"""What pooling, padding and interpolation are in ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.ir import Node

if TYPE_CHECKING:  # the package onnx need not be installed
    from archlab.exchange.onnx_writer import Writer


def max_pooling(w: Writer, node: Node) -> None:
    w.emit("MaxPool", node.name, node.inputs, node.name, **_window(node), pads=_pads(w, node),
           dilations=node.attrs.get("dilation", (1, 1)))  # fmt: skip


def mean_pooling(w: Writer, node: Node) -> None:
    a = node.attrs
    counted = {"count_include_pad": int(a.get("count_pad", True))}
    if a["ceil"]:
        pads = [*a["padding"], *a.get("padding_end", a["padding"])]
        w.emit("AveragePool", node.name, node.inputs, node.name, **_window(node), pads=pads, ceil_mode=1, **counted)
        return
    w.emit("AveragePool", node.name, node.inputs, node.name, **_window(node), pads=_pads(w, node), **counted)


def _window(node: Node) -> dict[str, Any]:
    return {"kernel_shape": node.attrs["kernel"], "strides": node.attrs["stride"]}


def _pads(w: Writer, node: Node) -> list[int]:
    """Return the padding above, to the left, below, to the right.

    What ceil mode adds is written as padding: runtimes differ on a last window that begins in the padding.
    """
    a = node.attrs
    ends = a.get("padding_end", a["padding"])
    if not a["ceil"]:
        return [*a["padding"], *ends]
    sides = zip(w.shape(node)[1:], node.shape[1:], a["kernel"], a["stride"], a.get("dilation", (1, 1)), strict=True)
    reached = [(out - 1) * s + (k - 1) * d + 1 - size for size, out, k, s, d in sides]
    added = [max(end, last - p) for end, last, p in zip(ends, reached, a["padding"], strict=True)]
    return [*a["padding"], *added]


def pad(w: Writer, node: Node) -> None:
    a = node.attrs
    pads = w.constant(node, "pads", np.array([0, 0, a["top"], a["left"], 0, 0, a["bottom"], a["right"]]))
    w.emit("Pad", node.name, [*node.inputs, pads], node.name)


def resize(w: Writer, node: Node) -> None:
    """Write an interpolation to a size, or by a factor."""
    a = node.attrs
    if "scale" in a:
        scale = float(a["scale"])
        inputs = [*node.inputs, "", w.constant(node, "scales", np.array([1, 1, scale, scale], np.float32))]
        w.emit("Resize", node.name, inputs, node.name, **_mode(node))
    else:
        inputs = [*node.inputs, "", "", w.constant(node, "sizes", np.array(node.shape[1:]))]
        w.emit("Resize", node.name, inputs, node.name, axes=[2, 3], **_mode(node))


def _mode(node: Node) -> dict[str, str]:
    if node.attrs.get("mode", "nearest") == "nearest":
        return {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    corners = "align_corners" if node.attrs["align"] else "half_pixel"
    return {"mode": "linear", "coordinate_transformation_mode": corners}


def upsample_like(w: Writer, node: Node) -> None:
    sizes = w.constant(node, "sizes", np.array(node.shape[1:]))
    w.emit("Resize", node.name, [node.inputs[0], "", "", sizes], node.name, axes=[2, 3], **_mode(node))
