"""What other exporters than PyTorch's write in ONNX files, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from archlab.errors import LiftError
from archlab.lift.onnx.lift_onnx import lift_onnx
from tests.lift.onnx_files import node, save, weights

FLAT = [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f")]
SHAPE = {"shape": np.array([1, 4, 1, 1])}


@pytest.mark.parametrize(
    ("nodes", "held"),
    [
        ([node("Conv", "x w", "a"), node("Add", "a b", "y")], {"w": (4, 3, 3, 3), "b": (1, 4, 1, 1)}),
        ([node("Conv", "x w", "a"), node("Add", "b a", "y")], {"w": (4, 3, 3, 3), "b": (4, 1, 1)}),
        ([node("Conv", "x w", "a"), node("Add", "a b", "y")], {"w": (1, 3, 3, 3), "b": (1, 1, 1, 1)}),
        ([node("Conv", "x w b", "y")], {"w": (1, 3, 3, 3), "b": (1,)}),
        (
            [node("Conv", "x w", "a"), node("Reshape", "b shape", "c"), node("Add", "a c", "y")],
            {"w": (4, 3, 3, 3), "b": (4,)},
        ),
        (
            [node("ConvTranspose", "x w", "a", strides=[2, 2], kernel_shape=[2, 2]), node("Add", "a b", "y")],
            {"w": (3, 4, 2, 2), "b": (1, 4, 1, 1)},
        ),
        ([*FLAT, node("MatMul", "f w", "a"), node("Add", "a b", "y")], {"w": (3, 5), "b": (5,)}),
    ],
)
def test_a_sum_behind_a_layer_is_its_bias(tmp_path, nodes, held):
    tensors = {name: weights(*shape, seed=i) for i, (name, shape) in enumerate(held.items())}
    lifted = lift_onnx(save(tmp_path / "bias.onnx", nodes, {**tensors, **SHAPE}, [1, 3, 8, 8]))
    layer = lifted.graph.nodes[-1]
    assert layer.op in ("conv2d", "conv_transpose", "linear")
    assert lifted.params == sum(value.size for value in tensors.values())
    assert sorted(lifted.mapping.values()) == ["b", "w"]


@pytest.mark.parametrize(
    ("nodes", "b"),
    [
        ([node("Conv", "x w", "a"), node("Add", "a b", "c"), node("Mul", "a c", "y")], (4, 1, 1)),  # read twice
        ([node("Conv", "x w", "a"), node("Add", "a b", "y")], (6,)),  # along the columns
        ([node("Conv", "x w", "a"), node("Tanh", "b", "c"), node("Add", "a c", "y")], (4, 1, 1)),  # computed
        ([node("Conv", "x w v", "a"), node("Add", "a b", "y")], (4, 1, 1)),  # has one already
    ],
)
def test_other_sums_with_a_weight_are_refused(tmp_path, nodes, b):
    held = {"w": weights(4, 3, 3, 3), "v": weights(4), "b": weights(*b)}
    with pytest.raises(LiftError, match=r"add of .*: its second input is .* not computed from the input"):
        lift_onnx(save(tmp_path / "no.onnx", nodes, held, [1, 3, 8, 8]))


@pytest.mark.parametrize("turned", [0, 1])
def test_what_is_flattened_with_its_channels_last(tmp_path, turned):
    nodes = [
        node("Conv", "x w b", "a", strides=[2, 3]),
        node("Transpose", "a", "t", perm=[0, 2, 3, 1]),
        node("Flatten", "t", "f"),
        node("Gemm", "f m n", "y", transB=turned),
    ]
    held = {"w": weights(4, 3, 2, 2), "b": weights(4), "n": weights(5)}
    held["m"] = weights(5, 48, seed=1) if turned else weights(48, 5, seed=1)
    lifted = lift_onnx(save(tmp_path / "flat.onnx", nodes, held, [1, 3, 8, 8]))
    assert [n.op for n in lifted.graph] == ["conv2d", "flatten", "linear"]
    assert lifted.unread == ()


def test_a_map_that_is_returned_with_its_channels_last(tmp_path):
    nodes = [node("Conv", "x w", "a"), node("Transpose", "a", "y", perm=[0, 2, 3, 1])]
    lifted = lift_onnx(save(tmp_path / "nhwc.onnx", nodes, {"w": weights(8, 3, 1, 1)}, [1, 3, 8, 8]))
    assert lifted.layout == "nhwc"


def test_a_sigmoid_of_nothing_but_small_numbers_is_compared_before_it(tmp_path):
    """ONNX Runtime's sigmoid is exact to 1e-7 of its range, not of its outputs."""
    nodes = [node("Conv", "x w b", "a"), node("Sigmoid", "a", "y")]
    held = {"w": weights(4, 3, 1, 1) * 0.1, "b": np.full(4, -17, np.float32)}
    lifted = lift_onnx(save(tmp_path / "dark.onnx", nodes, held, [1, 3, 8, 8]))
    assert lifted.difference is not None
    assert lifted.difference < 1e-6


def test_the_scales_of_a_resize_are_no_weights(tmp_path):
    nodes = [node("Resize", "x roi scales", "y", mode="nearest", coordinate_transformation_mode="asymmetric",
                  nearest_mode="floor")]  # fmt: skip
    held = {"roi": np.zeros(8, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)}
    lifted = lift_onnx(save(tmp_path / "up.onnx", nodes, held, [1, 3, 8, 8]))
    assert (lifted.unread, lifted.params) == ((), 0)
