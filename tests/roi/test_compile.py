"""torch.compile, torch.export, ONNX, autocast and the operator checks of torch itself."""

from __future__ import annotations

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from archlab.roi import MultiScaleRoIAlign, RoIError, multiscale_roi_align, roi_align, roi_pool
from archlab.roi.geometry import checked_geometry
from archlab.roi.onnx_export import to_onnx

from .oracles import random_boxes, random_map

OPS = torch.ops.archlab


class Detector(nn.Module):
    """A stem, two levels, and the fused RoI align."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.down = nn.Conv2d(4, 4, 3, 2, 1)
        self.pool = MultiScaleRoIAlign(["a", "b"], 3, 2, strides=[2, 4], canonical_scale=16, canonical_level=1)

    def forward(self, image: Tensor, boxes: Tensor) -> Tensor:
        a = self.stem(image)
        return self.pool({"a": a, "b": self.down(a)}, boxes)


def inputs(count: int = 5) -> tuple[Tensor, Tensor]:
    return random_map(2, 3, 24, 32).float(), random_boxes(count, 2, 24, 32).float()


@pytest.mark.slow
def test_compile_without_graph_break() -> None:
    model, (image, boxes) = Detector(), inputs()
    compiled = torch.compile(model, fullgraph=True, dynamic=True)
    for count in (5, 9):
        image, boxes = inputs(count)
        assert_close(compiled(image, boxes), model(image, boxes), atol=1e-5, rtol=1e-5)
    want = torch.autograd.grad(model(image, boxes).square().sum(), list(model.parameters()))
    got = torch.autograd.grad(compiled(image, boxes).square().sum(), list(model.parameters()))
    assert_close(got, want, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("mode", ["avg", "max", "onnx_max", "prroi"])
def test_compile_modes(mode: str) -> None:
    x, boxes = inputs()

    def run(x: Tensor, boxes: Tensor) -> Tensor:
        return roi_align(x, boxes, 2, 0.5, -1, mode=mode)

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    leaf, moving = x.requires_grad_(), boxes.requires_grad_()
    want = torch.autograd.grad(run(leaf, moving).sum(), (leaf, moving))
    assert_close(torch.autograd.grad(compiled(leaf, moving).sum(), (leaf, moving)), want)


def test_export_with_any_number_of_rois() -> None:
    model, (image, boxes) = Detector(), inputs()
    program = torch.export.export(
        model, (image, boxes), dynamic_shapes={"image": None, "boxes": {0: torch.export.Dim("K")}}
    )
    for count in (0, 1, 17):
        _, boxes = inputs(count)
        assert torch.equal(program.module()(image, boxes), model(image, boxes))


class Call(nn.Module):
    def __init__(self, mode: str, sampling: int = 2) -> None:
        super().__init__()
        self.mode = mode
        self.sampling = sampling

    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        if self.mode == "caffe":
            return roi_pool(x, boxes, (3, 2), 0.5)
        return roi_align(x, boxes, (3, 2), (0.5, 0.4), self.sampling, True, self.mode)


def run_onnx(module: nn.Module, example: tuple[Tensor, Tensor], fed: tuple[Tensor, Tensor]) -> Tensor:
    names = ("image", "boxes") if isinstance(module, Detector) else ("x", "boxes")
    shapes = {names[0]: None, names[1]: {0: torch.export.Dim("K")}}
    program = to_onnx(module, example, dynamic_shapes=shapes)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    fields = [node.name for node in session.get_inputs()]
    return torch.from_numpy(session.run(None, {n: t.numpy() for n, t in zip(fields, fed, strict=True)})[0])


@pytest.mark.parametrize(("mode", "sampling"), [("avg", 2), ("avg", -1), ("max", 2), ("onnx_max", 2), ("caffe", 0)])
def test_onnx_runtime_runs_the_export(mode: str, sampling: int) -> None:
    x, boxes = inputs(8)
    boxes[3, 1], boxes[4, 0] = float("nan"), 9
    module = Call(mode, sampling)
    assert_close(run_onnx(module, inputs(3), (x, boxes)), module(x, boxes), atol=1e-5, rtol=1e-5)


def test_onnx_runtime_runs_levels() -> None:
    module = Detector().eval()
    for count in (0, 12):
        image, boxes = inputs(count)
        with torch.no_grad():
            assert_close(run_onnx(module, inputs(3), (image, boxes)), module(image, boxes), atol=1e-5, rtol=1e-5)


def test_what_onnx_lacks_is_said() -> None:
    with pytest.raises(Exception, match="prroi") as caught:
        to_onnx(Call("prroi"), inputs())
    causes = []
    error: BaseException | None = caught.value
    while error is not None:
        causes.append(error)
        error = error.__cause__
    assert any(isinstance(cause, RoIError) for cause in causes) or "no operator for mode 'prroi'" in str(causes)


def test_autocast_keeps_coordinates() -> None:
    convolution = nn.Conv2d(3, 4, 1)
    x, boxes = inputs()
    with torch.autocast("cpu", torch.bfloat16):
        features = convolution(x)
        got = roi_align(features, boxes, 3, 0.97, 2, True)
    assert got.dtype == features.dtype == torch.bfloat16
    want = roi_align(features.double(), boxes.double(), 3, 0.97, 2, True)
    assert_close(got.double(), want, atol=1e-2, rtol=8e-3)


def test_operators_pass_torch_s_own_checks() -> None:
    x, boxes = (t.requires_grad_() for t in (random_map(2, 3, 8, 9), random_boxes(4, 2, 8, 9)))
    numbers = checked_geometry([1.0], (2, 3), 2, True, "avg").arguments
    grad = torch.randn(4, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    where = (boxes, None, None, None)
    good = {"test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"}
    for operator, args in (
        (OPS.roi_align, ([x], *where, *numbers)),
        (OPS.roi_align_transposed, (grad, *where, [2, 8, 9], False, *numbers)),
        (OPS.roi_align_boxes, ([x], grad, *where, *numbers)),
        (OPS.roi_choose, ([x.detach()], boxes.detach(), None, *numbers[:-1], "max")),
    ):
        assert torch.library.opcheck(operator.default, args) == dict.fromkeys(good, "SUCCESS")


def test_meta_knows_shape_and_layout_beyond_2_31_elements() -> None:
    boxes = torch.empty(100_000, 5, device="meta")
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.empty(2, 1024, 500, 500, device="meta", dtype=torch.bfloat16).to(memory_format=layout)
        out = roi_align(x, boxes, 14, 0.25, 2)
        assert out.shape == (100_000, 1024, 14, 14)
        assert out.numel() > 2**31
        assert out.dtype == torch.bfloat16
        assert out.is_contiguous(memory_format=layout)


def test_multiscale_function_traces_with_symbolic_levels() -> None:
    maps = [random_map(1, 2, 16, 16).float(), random_map(1, 2, 8, 8).float()]

    def run(boxes: Tensor) -> Tensor:
        return multiscale_roi_align(maps, boxes, 2, [4, 8], 2, canonical_scale=32, canonical_level=3)

    compiled = torch.compile(run, fullgraph=True, backend="eager", dynamic=True)
    for count in (3, 6):
        boxes = random_boxes(count, 1, 64, 64).float()
        assert torch.equal(compiled(boxes), run(boxes))
