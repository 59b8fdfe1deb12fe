"""The operators exported to ONNX, run by ONNX Runtime."""

from __future__ import annotations

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from archlab.roi import RoIError, roi_align, roi_pool, to_onnx

from .detecting import Detector, inputs


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


def test_a_mode_that_onnx_lacks_is_refused() -> None:
    with pytest.raises(Exception, match="prroi") as caught:
        to_onnx(Call("prroi"), inputs())
    causes = []
    error: BaseException | None = caught.value
    while error is not None:
        causes.append(error)
        error = error.__cause__
    assert any(isinstance(cause, RoIError) for cause in causes) or "no operator for mode 'prroi'" in str(causes)
