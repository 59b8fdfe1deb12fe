"""Activations that ONNX files have in pieces are one again, and only these."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from archlab.lift.onnx.lift_onnx import lift_onnx
from tests.lift.onnx_files import node, save

HELD = {name: np.float32(value) for name, value in
        {"zero": 0, "one": 1, "three": 3, "six": 6, "sixth": 1 / 6, "half": 0.5}.items()}  # fmt: skip
CLIPPED = [node("Add", "x three", "a"), node("Clip", "a zero six", "b")]
SWISH = [node("Sigmoid", "x", "a"), node("Mul", "x a", "b")]


@pytest.mark.parametrize(
    ("nodes", "ops"),
    [
        ([node("Sigmoid", "x", "a"), node("Mul", "a x", "y")], ["silu"]),
        ([node("Mul", "x one", "c"), node("Sigmoid", "c", "a"), node("Mul", "x a", "y")], ["silu"]),
        ([*SWISH, node("Mul", "b half", "y")], ["silu", "factor"]),
        ([node("Sigmoid", "x", "a"), node("Mul", "x a", "b"), node("Add", "a b", "y")], ["sigmoid", "mul", "add"]),
        (
            [node("Mul", "x half", "c"), node("Sigmoid", "c", "a"), node("Mul", "x a", "y")],
            ["factor", "sigmoid", "mul"],
        ),
        ([*CLIPPED, node("Mul", "x b", "c"), node("Div", "c six", "y")], ["hardswish"]),
        ([*CLIPPED, node("Mul", "b sixth", "c"), node("Mul", "c x", "y")], ["hardswish"]),
        ([node("HardSigmoid", "x", "a", alpha=1 / 6), node("Mul", "x a", "y")], ["hardswish"]),
        ([node("HardSigmoid", "x", "a"), node("Mul", "x a", "y")], ["factor", "offset", "hardtanh", "mul"]),
        ([*CLIPPED, node("Mul", "x b", "c"), node("Div", "c three", "y")], ["offset", "relu6", "mul", "factor"]),
        ([*CLIPPED, node("Div", "b six", "y")], ["offset", "relu6", "factor"]),
    ],
)
def test_a_product_with_a_gate_of_itself(tmp_path, nodes, ops):
    lifted = lift_onnx(save(tmp_path / "act.onnx", nodes, HELD, [1, 3, 8, 8]))
    assert [n.op for n in lifted.graph] == ops
    assert lifted.difference is not None
    assert lifted.difference < 1e-6
