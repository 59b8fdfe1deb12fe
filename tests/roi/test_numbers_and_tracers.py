"""What users and other tools hand in: NumPy's numbers, nothing at all, proxies of a trace, batches of gradients."""

from __future__ import annotations

import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torchvision
from torch import Tensor, fx, nn
from torch.autograd.functional import hessian, jacobian
from torch.testing import assert_close

from archlab.roi import (
    MultiScaleRoIAlign,
    RoIAlign,
    RoIError,
    for_torchvision,
    multiscale_roi_align,
    roi_align,
    roi_pool,
)

from .detecting import Detector, inputs
from .oracles import random_boxes, random_map

X, BOXES = random_map(2, 3, 8, 9), random_boxes(4, 2, 8, 9)


def test_numbers_of_numpy() -> None:
    want = roi_align(X, BOXES, (2, 3), (0.5, 0.25), 2)
    got = roi_align(X, BOXES, np.array([2, 3]), (np.float32(0.5), np.float64(0.25)), np.int32(2))
    assert torch.equal(got, want)
    assert torch.equal(roi_pool(X, BOXES, np.int64(2), np.float32(0.5)), roi_pool(X, BOXES, 2, 0.5))


def test_no_boxes_at_all() -> None:
    with pytest.raises(RoIError, match="boxes must be tensors, not NoneType") as caught:
        roi_align(X, None, 2)
    assert "one (L, 4) tensor per image" in str(caught.value)


@pytest.mark.parametrize("mode", ["avg", "max", "prroi"])
def test_batched_gradients(mode: str) -> None:
    def read(x: Tensor, boxes: Tensor) -> Tensor:
        return roi_align(x, boxes, 2, 1.0, 2, True, mode)

    def square(x: Tensor, boxes: Tensor) -> Tensor:
        return read(x, boxes).square().sum()

    small = X[:1, :1, :4, :4], BOXES[BOXES[:, 0] == 0][:1]
    for a, b in zip(jacobian(read, small, vectorize=True), jacobian(read, small), strict=True):
        assert_close(a, b)
    for a, b in zip(hessian(square, small, vectorize=True), hessian(square, small), strict=True):
        assert_close(a, b)
    leaf = X.clone().requires_grad_()
    out = read(leaf, BOXES)
    grads = torch.stack([torch.ones_like(out), random_map(*out.shape)])
    batch = torch.autograd.grad(out, leaf, grads, is_grads_batched=True, retain_graph=True)[0]
    assert_close(batch[1], torch.autograd.grad(out, leaf, grads[1])[0])


def test_levels_in_any_order() -> None:
    """Strides say which map is finer; a map that is named last is no worse."""
    maps = {"a": random_map(1, 2, 32, 32), "b": random_map(1, 2, 16, 16), "c": random_map(1, 2, 8, 8)}
    side = torch.linspace(10, 120, 20, dtype=torch.float64)[:, None]
    boxes = [torch.cat([side * 0 + 3, side * 0 + 5, side, side], 1)]
    pools = [MultiScaleRoIAlign(list(names), 3, 2, canonical_scale=48) for names in ("abc", "cba", "bca")]
    want, *others = (pool(maps, boxes, [(128, 128)]) for pool in pools)
    assert want.flatten(1).abs().sum(1).min() > 0
    assert all(torch.equal(other, want) for other in others)
    rois = torch.nn.functional.pad(boxes[0], (1, 0))
    same = multiscale_roi_align([maps["b"]] * 2, rois, 3, [8, 8], 2)
    assert torch.equal(same, roi_align(maps["b"], rois, 3, 1 / 8, 2))


def test_a_level_that_is_missing_is_named() -> None:
    with pytest.raises(RoIError, match="no feature map is named 'p3'") as caught:
        MultiScaleRoIAlign(["p2", "p3"], 3, 2)({"p2": X, "p4": X}, BOXES, [(8, 9)])
    assert "p2" in str(caught.value)


def test_one_node_of_a_symbolic_trace() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = MultiScaleRoIAlign(["a"], 2, 2)
            self.align = RoIAlign(2, 0.5, 2)

        def forward(self, x: Tensor, boxes: Tensor, shapes: list[tuple[int, int]]) -> Tensor:
            return self.pool({"a": x}, [boxes], shapes) + self.align(x, [boxes]) + roi_pool(x, [boxes], 2)

    head, boxes = Head(), BOXES[:, 1:]
    traced = fx.symbolic_trace(head)
    calls = [node.target.__name__ for node in traced.graph.nodes if node.op == "call_function"]
    assert calls == ["pool_named", "roi_align", "add", "roi_pool", "add"]
    arguments = X[:1], boxes, [(16, 18)]
    assert torch.equal(traced(*arguments), head(*arguments))


def test_torchvision_takes_the_pool() -> None:
    pool = MultiScaleRoIAlign(["0"], 7, 2)
    with pytest.raises(TypeError):
        _faster_rcnn(pool)
    model, theirs = _faster_rcnn(for_torchvision(pool)), _faster_rcnn(None)
    theirs.load_state_dict(model.state_dict())
    image = [random_map(1, 3, 64, 80)[0].float()]
    with torch.no_grad():
        got, want = model(image)[0], theirs(image)[0]
    assert len(want["boxes"]) > 0
    assert_close(got["boxes"], want["boxes"], atol=1e-3, rtol=1e-4)


def _faster_rcnn(pool: object) -> nn.Module:
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
    backbone.out_channels = 8
    anchors = torchvision.models.detection.rpn.AnchorGenerator(((16, 32),), ((1.0,),))
    pool = torchvision.ops.MultiScaleRoIAlign(["0"], 7, 2) if pool is None else pool
    return torchvision.models.detection.FasterRCNN(
        backbone, 3, min_size=64, max_size=80, rpn_anchor_generator=anchors, box_roi_pool=pool, box_score_thresh=0.0
    ).eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["avg", "max", "caffe", "levels"])
def test_the_exporter_that_traces_writes_onnx_s_own_operators(mode: str) -> None:
    class Read(nn.Module):
        def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
            if mode == "caffe":
                return roi_pool(x, boxes, 3, 0.5)
            return roi_align(x, boxes, 3, (0.5, 0.4), 2, True, mode)

    module = Detector().eval() if mode == "levels" else Read()
    file = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            module, inputs(3), file, dynamo=False, opset_version=16,
            input_names=["image", "boxes"], dynamic_axes={"boxes": {0: "K"}},
        )  # fmt: skip
        image, boxes = inputs(8)
        boxes[2, 1], boxes[3, 0] = float("nan"), 9
        nodes = {node.op_type for node in onnx.load_from_string(file.getvalue()).graph.node}
        assert nodes & {"RoiAlign", "MaxRoiPool"}
        session = onnxruntime.InferenceSession(file.getvalue())
        got = session.run(None, {"image": image.numpy(), "boxes": boxes.numpy()})[0]
        assert_close(torch.from_numpy(got), module(image, boxes), atol=1e-5, rtol=1e-5)


def test_half_gradients_are_summed_before_they_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taps come in slices: many of them, each rounded to bfloat16, would drift."""
    monkeypatch.setattr("archlab.roi.tap_matrix.MAX_TAPS", 64)
    boxes = torch.tensor([[0, 0.0, 0, 4, 4]]).repeat(300, 1)
    x = torch.ones(1, 1, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    wide = x.detach().float().requires_grad_()
    for leaf in (x, wide):
        roi_align(leaf, boxes, 2, 1.0, 2).sum().backward()
    assert torch.equal(x.grad, wide.grad.to(torch.bfloat16))


def test_one_huge_box_does_not_lengthen_the_others() -> None:
    from archlab.roi.geometry import checked_geometry
    from archlab.roi.level_rois import split_by_level

    rois = torch.cat([random_boxes(50, 1, 30, 30), torch.tensor([[0, 0, 0, 9e5, 9e5]]).double()])
    work, _ = split_by_level(rois, None, None, [(1, 30, 30)], checked_geometry([1.0], 7, 0, True, "avg"))
    assert [len(each.rois) for each in work] == [50, 1]


def test_tensor_code_stands_in_on_every_device() -> None:
    has = torch._C._dispatch_has_computed_kernel_for_dispatch_key
    for device in ("CPU", "CUDA", "MPS", "XPU", "PrivateUse1"):
        assert has("archlab::roi_align", device)
    assert torch.Tag.cudagraph_unsafe in torch.ops.archlab.roi_align_boxes.default.tags
