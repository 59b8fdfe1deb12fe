"""Torch in eager mode, with tensors in channels-last layout: each operator is one kernel, and none is fused.

How its inputs lie in memory decides which kernel it is. A channel shuffle leaves a map in torch's default layout, until
the next convolution; a slice is a view with gaps.
"""

from __future__ import annotations

from archlab.ir import Node
from archlab.latency.kernels import Kernel, Value, Walk, convolution_kind, kernel_of
from archlab.ops import CONVOLUTIONS

LAST, FIRST, GAPS = "channels last", "channels first", "with gaps"
FORMS = (LAST, FIRST, GAPS)

_BY_INPUTS = frozenset({"add", "sub", "mul"})


def torch_rule(state: Walk, node: Node) -> Value:
    """Append the kernel that torch runs for ``node``; return how its output lies."""
    inputs = [state.values[name] for name in node.inputs]
    x = inputs[0]
    state.emit(_kernel(node, inputs), node.name)
    if node.op in CONVOLUTIONS:
        return Value(node.shape, LAST)
    if node.op == "shuffle" and node.attrs["groups"] > 1:
        return Value(node.shape, FIRST)
    if node.op == "slice":
        return Value(node.shape, GAPS if x.form != FIRST else FIRST)
    if node.op == "cat":
        return Value(node.shape, FIRST if any(value.form == FIRST for value in inputs) else LAST)
    if node.op == "dropout":
        return x
    return Value(node.shape, FIRST if x.form == FIRST else LAST)


def _kernel(node: Node, inputs: list[Value]) -> Kernel:
    x = inputs[0]
    if node.op in CONVOLUTIONS:
        uneven = 3 if "padding_end" in node.attrs else 0
        return kernel_of(convolution_kind(node), node, x.shape, FORMS.index(x.form) + uneven)
    if node.op in _BY_INPUTS:
        is_mixed = len({value.form for value in inputs}) > 1
        is_stretched = any(value.shape != node.shape for value in inputs)
        kind = "stretched" if is_stretched else "add"
        return kernel_of(kind, node, node.shape, 10 * len(inputs) + 3 * is_mixed + FORMS.index(x.form))
    if node.op == "cat":
        is_mixed = len({value.form for value in inputs}) > 1
        return kernel_of("cat", node, node.shape, 10 * len(inputs) + 3 * is_mixed + FORMS.index(x.form))
    return kernel_of(node.op, node, x.shape, FORMS.index(x.form))
