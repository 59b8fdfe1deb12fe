"""Small ONNX files written by hand: what exporters write differently."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def save(path, nodes, held, input_shape, as_constants=False, output="y"):
    """Write a file; its weights are initialisers, or Constant nodes."""
    tensors = [numpy_helper.from_array(value, name) for name, value in held.items()]
    constants = [helper.make_node("Constant", [], [t.name], value=t) for t in tensors]
    graph = helper.make_graph(
        [*(constants if as_constants else []), *nodes],
        "hand_made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [] if as_constants else tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), output.split(), f"/{output.split()[0]}/{kind}", **attributes)


CLASSIFIER = [
    node("Conv", "x w1 b1", "a", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    node("BatchNormalization", "a scale shift mean var", "b", epsilon=1e-3, momentum=0.99),
    node("Clip", "b zero six", "c"),
    node("Conv", "c w2", "d", pads=[1, 1, 1, 1], group=8),
    node("Add", "c d", "e"),
    node("MaxPool", "e", "f", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
    node("GlobalAveragePool", "f", "g"),
    node("Flatten", "g", "h"),
    node("Gemm", "h w3 b3", "i", transB=1),
    node("MatMul", "i w4", "j"),
    node("Softmax", "j", "y", axis=1),
]

HELD = {
    "w1": weights(8, 3, 3, 3), "b1": weights(8), "w2": weights(8, 1, 3, 3), "w3": weights(6, 8), "b3": weights(6),
    "w4": weights(6, 5), "scale": weights(8), "shift": weights(8), "mean": weights(8),
    "var": weights(8) ** 2 + 0.5, "zero": np.float32(0), "six": np.float32(6),
}  # fmt: skip
