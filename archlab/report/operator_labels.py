"""How operators are written on a drawing and in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from archlab.ir import Node, Shape
from archlab.ops import CONVOLUTIONS

_LABELS = {
    "conv2d": "conv",
    "wsconv2d": "standardised conv",
    "conv_transpose": "transposed conv",
    "channel_conv": "conv over channels",
    "gap": "global avgpool",
    "gmp": "global maxpool",
    "pad2d": "pad",
    "group_sum": "sum of groups",
}


def dims(shape: Shape) -> str:
    """Return a shape as people read it.

    >>> dims((64, 56, 56))
    '64×56×56'
    """
    return "×".join(map(str, shape))


def size(node: Node) -> str:
    """Return an operator's output as people read it, with how many of it an image has where it is not one."""
    return f"{node.rows} × {dims(node.shape)}" if node.rows != 1 else dims(node.shape)


def operator_label(node: Node) -> str:
    """Return what an operator does, in as few words as tell it apart from its neighbours.

    A convolution with as many groups as input channels is depthwise.
    """
    attrs = node.attrs
    label = _LABELS.get(node.op, node.op)
    groups = attrs.get("groups", 1)
    if node.op == "conv2d" and groups > 1 and groups == attrs.get("in_channels"):
        label, groups = "depthwise", 1
    if window := _window(attrs):
        label += f" {window}"
    if node.op in (*CONVOLUTIONS, "shuffle", "gn", "softmax", "group_sum") and groups != 1:
        label += f" g{groups}"
    if node.op == "slice":
        label += f" {attrs.get('start')}:{attrs.get('stop')}"
    if node.op in ("roi_align", "roi_pool"):
        label = f"{node.op.replace('roi_', 'RoI ')} {dims(attrs.get('size', ()))}"
    if node.op == "upsample_like":
        label = "upsample nearest"
    if node.op == "upsample":
        label += f" ×{attrs.get('scale')}"
    if node.op == "resize":
        label += f" {dims(attrs.get('size', ()))}"
    if node.op == "opaque":
        label += f" {attrs.get('name')}"
    if node.op in ("factor", "offset"):
        label = f"{'×' if node.op == 'factor' else '+'} {attrs.get('x')}"
    return label


def attributes(attrs: Mapping[str, Any]) -> str:
    """Return an operator's arguments, for those who want all of them."""
    return ", ".join(f"{name} {dims(value) if _is_pair(value) else value}" for name, value in attrs.items())


def _window(attrs: Mapping[str, Any]) -> str:
    kernel, stride = attrs.get("kernel"), attrs.get("stride")
    if not _is_pair(kernel):
        return ""
    text = dims(kernel)
    if _is_pair(stride) and set(stride) != {1}:
        text += f" /{stride[0] if len(set(stride)) == 1 else dims(stride)}"
    dilation = attrs.get("dilation")
    return f"{text} d{dilation[0]}" if _is_pair(dilation) and set(dilation) != {1} else text


def _is_pair(value: object) -> TypeGuard[Shape]:
    return isinstance(value, tuple) and bool(value) and all(isinstance(v, int) for v in value)
