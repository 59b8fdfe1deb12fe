"""ONNX Runtime on a processor: which nodes it runs as one kernel, and where it turns maps into blocks of channels.

As its optimiser does it on every level (``nchwc_transformer.cc``, ``conv_activation_fusion.cc``, ``conv_bn_fusion.cc``
in its sources): norms are folded into the convolution before them, activations and a residual's sum are computed as it
writes, and maps stay in blocks of 16 channels (8 without AVX-512) between kernels that can read these, with a reorder
where one cannot.
"""

from __future__ import annotations

from archlab.ir import Node
from archlab.latency.kernels import Kernel, Rule, Value, Walk, convolution_kind, kernel_of

PLAIN, BLOCKS = "plain", "blocks"
REORDERS = {BLOCKS: "reorder to blocks", PLAIN: "reorder to plain"}

FOLDED = frozenset({"bn", "scale", "dropout"})
"""What is multiplied into the weights of a convolution before it."""
TAKEN_IN = frozenset({"relu", "sigmoid", "tanh", "relu6", "leaky_relu", "hardsigmoid", "hardtanh", "hardswish"})
"""Activations that a convolution computes as it writes."""
TAKEN_IN_AFTER_SUM = frozenset({"relu", "sigmoid", "tanh", "hardswish"})
TAKEN_IN_BY_LINEAR = frozenset({"relu", "sigmoid", "tanh", "leaky_relu"})
ON_BLOCKS = frozenset({"relu", "sigmoid", "tanh", "gelu", "silu"})
"""Activations that run on blocks of channels as well."""
NOTHING = frozenset({"flatten", "dropout"})

CONV, SUMMED, LINEAR = "convolution", "convolution and sum", "linear"
_TAKEN = {CONV: TAKEN_IN, SUMMED: TAKEN_IN_AFTER_SUM, LINEAR: TAKEN_IN_BY_LINEAR}


def onnx_rule(block: int) -> Rule:
    """Return the rule for maps in blocks of ``block`` channels."""

    def rule(state: Walk, node: Node) -> Value:
        x = state.values[node.inputs[0]]
        is_sole = state.uses[node.inputs[0]] == 1
        if node.op == "conv2d":
            return _convolution(state, node, x, block)
        if node.op in FOLDED and x.open == CONV and is_sole:
            return _taken(state, node, x)
        taken = _TAKEN.get(x.open, frozenset())
        if node.op in taken and is_sole:
            return _taken(state, node, Value(x.shape, x.form))
        if node.op in ("add", "cat", "mul", "sub"):
            return _join(state, node, block)
        if node.op in NOTHING:
            return Value(node.shape, _plain(state, node, 0).form) if node.op == "flatten" else x
        if node.op == "bn" and x.form == BLOCKS:
            place = state.emit(kernel_of("norm of blocks", node, x.shape), node.name)
            state.made[node.name] = place
            return Value(node.shape, BLOCKS, CONV)
        can = (node.op in ON_BLOCKS) or (node.op in ("maxpool", "avgpool", "gap", "gmp") and x.shape[0] % block == 0)
        if x.form == BLOCKS and can:
            state.emit(kernel_of(f"{node.op} of blocks", node, x.shape), node.name)
            return Value(node.shape, BLOCKS)
        if node.op in ("maxpool", "avgpool") and x.shape[0] % block == 0:
            _in_form(state, node.inputs[0], BLOCKS)
            state.emit(kernel_of(f"{node.op} of blocks", node, x.shape), node.name)
            return Value(node.shape, BLOCKS)
        _plain(state, node, 0)
        if node.op == "slice":
            return _part_of_split(state, node, x)
        state.made[node.name] = state.emit(kernel_of(node.op, node, x.shape), node.name)
        return Value(node.shape, PLAIN, LINEAR if node.op == "linear" else "")

    return rule


def _part_of_split(state: Walk, node: Node, x: Value) -> Value:
    """Slices of one value are one kernel, a split."""
    place = state.made.get(f"{node.inputs[0]} split")
    if place is None:
        split = kernel_of("slice", node, x.shape)
        state.made[f"{node.inputs[0]} split"] = state.emit(split._replace(c_out=x.shape[0]), node.name)
    else:
        state.nodes[place].append(node.name)
    return Value(node.shape, PLAIN)


def _convolution(state: Walk, node: Node, x: Value, block: int) -> Value:
    a = node.attrs
    per_group, groups, out = a["in_channels"] // a["groups"], a["groups"], a["out_channels"]
    kind = convolution_kind(node)
    if groups > 1:
        by_channel = per_group == 1 and out == groups
        in_blocks = out % 4 == 0 and (by_channel or not (per_group % block or out // groups % block))
        reads = BLOCKS
    elif per_group < block:
        in_blocks, reads = True, PLAIN
    else:
        in_blocks, reads = per_group % 4 == 0, BLOCKS
    if not in_blocks:
        _in_form(state, node.inputs[0], PLAIN)
        state.made[node.name] = state.emit(kernel_of(f"plain {kind}", node, x.shape), node.name)
        return Value(node.shape, PLAIN, CONV)
    _in_form(state, node.inputs[0], reads)
    kind = f"{kind} of plain" if reads == PLAIN else kind
    state.made[node.name] = state.emit(kernel_of(kind, node, x.shape), node.name)
    return Value(node.shape, BLOCKS, CONV)


def _join(state: Walk, node: Node, block: int) -> Value:
    inputs = [state.values[name] for name in node.inputs]
    all_blocks = all(value.form == BLOCKS for value in inputs)
    alike = all(value.shape == node.shape for value in inputs)
    if node.op == "add" and all_blocks and alike and len(inputs) == 2:
        for name, value in zip(node.inputs, inputs, strict=True):
            if value.open == CONV and state.uses[name] == 1 and name in state.made:
                return _summed(state, node, state.made[name])
    in_blocks = all_blocks and (
        all(value.shape[0] % block == 0 for value in inputs)
        if node.op == "cat"
        else alike and node.op in ("add", "mul")
    )
    if not in_blocks:
        for i in range(len(inputs)):
            _plain(state, node, i)
    is_stretched = node.op != "cat" and not alike
    kind = "stretched" if is_stretched else "cat" if node.op == "cat" else "add"
    state.emit(kernel_of(f"{kind} of blocks" if in_blocks else kind, node, node.shape, len(inputs)), node.name)
    return Value(node.shape, BLOCKS if in_blocks else PLAIN)


def _summed(state: Walk, node: Node, place: int) -> Value:
    kernel = state.kernels[place]
    state.kernels[place] = kernel._replace(form=1)
    state.nodes[place].append(node.name)
    state.made[node.name] = place
    return Value(node.shape, BLOCKS, SUMMED)


def _taken(state: Walk, node: Node, output: Value) -> Value:
    place = state.made.get(node.inputs[0])
    if place is not None:
        state.nodes[place].append(node.name)
        state.made[node.name] = place
    return Value(node.shape, *output[1:])


def _plain(state: Walk, node: Node, i: int) -> Value:
    return _in_form(state, node.inputs[i], PLAIN)


def _in_form(state: Walk, name: str, form: str) -> Value:
    """Append what puts a value in ``form``, unless it is or was put there already."""
    value = state.values[name]
    if value.form == form or (name, form) in state.again or len(value.shape) != 3:
        return Value(value.shape, form)
    state.again.add((name, form))
    state.emit(reorder(form, value.shape[0], *value.shape[1:]))
    return Value(value.shape, form)


def reorder(form: str, channels: int, height: int, width: int) -> Kernel:
    """Return the kernel that puts a map in ``form``."""
    return Kernel(REORDERS[form], channels, channels, 1, 1, 1, 1, 1, 1, height, width, height, width, 0)
