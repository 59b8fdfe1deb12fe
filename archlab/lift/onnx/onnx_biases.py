"""Biases that exporters write as a sum behind the layer: TensorFlow's ``BiasAdd``, Paddle's ``elementwise_add``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from archlab.ir import Shape
from archlab.lift.onnx.onnx_values import OnnxModel

BIASED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""The nodes that take a bias as their third input, and MatMul, of which this makes such a node."""
_SAME_VALUES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten")


def with_biases(model: OnnxModel) -> list[Any]:
    """Return the nodes of a file with each bias as the third input of its layer, where only the sum reads the layer.

    A bias may be stored in another shape, and reach the sum through nodes that only view it.
    """
    made = {output: node for node in model.nodes for output in node.output}
    reads = Counter(name for node in model.nodes for name in node.input)
    reads.update(model.outputs)
    dropped: set[str] = set()
    nodes = []
    for node in model.nodes:
        for layer, bias in _sums(node, made):
            stored = _stored(bias, model, made)
            alone = reads[layer.output[0]] == 1
            if alone and stored is not None and _along_channels(layer, model.shape(bias), model):
                node = _with_bias(layer, stored, node.output[0])
                dropped.add(layer.output[0])
                break
        nodes.append(node)
    return [node for node in nodes if node.output[0] not in dropped]


def _sums(node: Any, made: dict[str, Any]) -> Sequence[tuple[Any, str]]:
    """Return what may be a layer without a bias and its bias, if a node is a sum."""
    if node.op_type != "Add":
        return ()
    a, b = node.input
    pairs = ((made.get(a), b), (made.get(b), a))
    return [(layer, bias) for layer, bias in pairs if layer is not None and _takes_a_bias(layer)]


def _takes_a_bias(node: Any) -> bool:
    return node.op_type in BIASED and (len(node.input) < 3 or not node.input[2])


def _stored(name: str, model: OnnxModel, made: dict[str, Any]) -> str | None:
    """Return the name of the weight that a tensor holds in some shape; None where it is computed."""
    while name in made and made[name].op_type in _SAME_VALUES:
        name = made[name].input[0]
    held = model.weights.get(name)
    return name if held is not None and held.dtype.kind == "f" and held.ndim > 0 else None


def _along_channels(layer: Any, bias: Shape, model: OnnxModel) -> bool:
    """Return whether a tensor that is added to a layer's output has one number for each of its channels."""
    kernel = model.weights.get(layer.input[1])
    if kernel is None:
        return False  # no layer, but a product of two maps
    out = model.shape(layer.output[0])
    axis = 1 if layer.op_type.startswith("Conv") else len(out) - 1
    channels = out[axis]
    aligned = (1,) * (len(out) - len(bias)) + bias
    return aligned == tuple(channels if i == axis else 1 for i in range(len(out)))


def _with_bias(layer: Any, bias: str, output: str) -> Any:
    merged = type(layer)()
    merged.CopyFrom(layer)
    del merged.input[2:], merged.output[:]
    merged.input.append(bias)
    merged.output.append(output)
    return merged
