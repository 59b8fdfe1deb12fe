"""ONNX files as text, against ONNX Runtime."""

from __future__ import annotations

import pytest
import torch
from torch import nn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import numpy as np

from archlab.errors import InputError, LiftError
from archlab.lift.onnx.lift_onnx import lift_onnx
from tests.lift.onnx_files import CLASSIFIER, HELD, node, save, weights

OPS = ["conv2d", "bn", "relu6", "conv2d", "add", "maxpool", "gap", "flatten", "linear", "linear", "softmax"]


@pytest.mark.parametrize("as_constants", [False, True])
def test_a_classifier_is_the_same_network(tmp_path, as_constants):
    path = save(tmp_path / "small.onnx", CLASSIFIER, HELD, ["N", 3, 32, 32], as_constants)
    lifted = lift_onnx(path)
    assert [n.op for n in lifted.graph] == OPS
    assert lifted.difference is not None
    assert lifted.difference < 1e-6
    assert lifted.params == sum(v.size for n, v in HELD.items() if n not in ("mean", "var", "zero", "six"))
    assert "p=tf" in lifted.text, "padding that differs between sides"
    assert set(lifted.mapping.values()) == set(HELD) - {"zero", "six"}


def test_images_may_have_their_channels_last(tmp_path):
    nodes = [
        node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
        node("Conv", "a w b", "c", kernel_shape=[3, 3]),
        node("Transpose", "c", "d", perm=[0, 2, 3, 1]),
        node("ReduceMean", "d", "y", axes=[1, 2], keepdims=0),
    ]
    held = {"w": weights(4, 3, 3, 3), "b": weights(4)}
    lifted = lift_onnx(save(tmp_path / "nhwc.onnx", nodes, held, [1, 8, 10, 3]))
    assert lifted.graph.input_shape == (3, 8, 10)
    assert [n.op for n in lifted.graph] == ["conv2d", "gap", "flatten"]


def test_equal_weights_that_are_stored_once_are_each_layers_own(tmp_path):
    nodes = [node("Identity", "b", "same"), node("Conv", "x w b", "a"), node("Conv", "a w same", "y")]
    lifted = lift_onnx(save(tmp_path / "shared.onnx", nodes, {"w": weights(3, 3, 1, 1), "b": weights(3)}, [1, 3, 4, 4]))
    assert lifted.params == 24
    assert sorted(lifted.mapping.values()) == ["b", "b#2", "w", "w#2"]


def test_what_torch_exports_comes_back(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Hardswish(), nn.AvgPool2d(2, 2),
        nn.Conv2d(8, 8, 3, groups=8), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    model[1].running_mean.normal_()
    path = tmp_path / "exported.onnx"
    torch.onnx.export(model.eval(), (torch.randn(1, 3, 16, 16),), path, dynamo=False)
    lifted = lift_onnx(path)
    x = torch.randn(2, 3, 16, 16)
    assert torch.allclose(lifted.module()(x), model(x), atol=1e-5)


def test_what_cannot_be_said_is_refused_by_its_node(tmp_path):
    nodes = [node("CumSum", "x axis", "a"), node("DepthToSpace", "a", "y", blocksize=2)]
    path = save(tmp_path / "odd.onnx", nodes, {"axis": np.int64(1)}, [1, 4, 4, 4])
    with pytest.raises(LiftError) as caught:
        lift_onnx(path)
    assert caught.value.reasons == (
        "a: CumSum of 1x4x4x4 and a number: the language has no operator for it",
        "y: DepthToSpace of 1x4x4x4: the language has no operator for it",
    )


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"\xff\xfe not a model")
    with pytest.raises(InputError, match=r"no\.onnx"):
        lift_onnx(tmp_path / "no.onnx")
    with pytest.raises(InputError, match=r"no such file: .*missing.onnx"):
        lift_onnx(tmp_path / "missing.onnx")
    path = save(tmp_path / "open.onnx", [node("Relu", "x", "y")], {}, ["N", 3, "H", "W"])
    with pytest.raises(InputError, match=r"the input x is \?x3x\?x\?"):
        lift_onnx(path)
    assert lift_onnx(path, (1, 3, 8, 6)).graph.input_shape == (3, 8, 6)
