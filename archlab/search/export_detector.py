"""A trained detector to ONNX, proposals and non-maximum suppression included: from an image to boxes."""

from __future__ import annotations

import contextlib
import io
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any, Literal, cast
from unittest import mock

import torch
from torch import Tensor, nn

from archlab.detect.dataset import MEAN, STD
from archlab.errors import BuildError, InputError
from archlab.search.trained_detector import TrainedDetector

Exporter = Literal["trace", "dynamo"]
OPSET = 18
OUTPUTS = ("boxes", "labels", "scores")
MOST_OFF = 1e-3
"""In pixels and of scores: what ONNX Runtime's boxes may differ by from torch's."""


def export_detector(detector: TrainedDetector, exporter: Exporter = "trace") -> bytes:
    """Return the ONNX model of a detector.

    It takes ``input`` (1, 3, H, W), normalised, and gives ``boxes`` (n, 4) x1, y1, x2, y2 in its pixels, ``labels``
    (n,) and ``scores`` (n,), the surest first. Classes and what to normalise by are in the model's metadata.

    Args:
        exporter: torch's exporter that traces, which takes seconds; or that of ``torch.export``, a minute.

    Raises:
        InputError: the package onnx or onnxscript is not installed.
    """
    from archlab.roi import onnx_translation_table
    from archlab.roi.torchscript_onnx import register_symbolics

    model = _FromImage(detector.model).eval()
    image = torch.rand(1, 3, *detector.size, generator=torch.Generator().manual_seed(0))
    try:
        import onnx

        with _exportable(detector.size), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what tracing takes as constant: the image's size is
            if exporter == "dynamo":
                program = torch.onnx.export(
                    model, (image,), dynamo=True, opset_version=OPSET, verbose=False, input_names=["input"],
                    output_names=list(OUTPUTS), custom_translation_table=onnx_translation_table(),
                )  # fmt: skip
                content = cast(Any, program).model_proto
            else:
                register_symbolics()
                file = io.BytesIO()
                torch.onnx.export(
                    model, (image,), cast(Any, file), dynamo=False, opset_version=OPSET, input_names=["input"],
                    output_names=list(OUTPUTS), dynamic_axes={name: {0: "found"} for name in OUTPUTS},
                )  # fmt: skip
                content = onnx.load_from_string(file.getvalue())
    except ImportError as error:
        raise InputError("export to ONNX needs onnx and onnxscript", hint="pip install 'archlab[onnx]'") from error
    content.graph.name = detector.name
    told = {"classes": list(detector.classes), "mean": list(MEAN), "std": list(STD)}
    onnx.helper.set_model_props(content, {key: json.dumps(value) for key, value in told.items()})
    return bytes(content.SerializeToString())


def check_detector(content: bytes, detector: TrainedDetector, images: Tensor) -> float:
    """Return how far ONNX Runtime's boxes and scores are from those of ``detector``, at most, on images (n, 3, H, W).

    Raises:
        InputError: onnxruntime is not installed.
        BuildError: it finds other boxes, or they differ by more than ``MOST_OFF``.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("the check of ONNX needs onnxruntime", hint="pip install 'archlab[onnx]'") from error
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    worst = 0.0
    for image in images:
        with torch.no_grad():
            (wanted,) = cast(Any, detector.model)([image])
        boxes, labels, scores = (torch.from_numpy(x) for x in session.run(None, {"input": image[None].numpy()}))
        off = _apart((boxes, labels, scores), (wanted["boxes"], wanted["labels"], wanted["scores"]))
        if off > MOST_OFF:
            raise BuildError(
                f"{detector.name} in ONNX finds {len(labels)} boxes, torch {len(wanted['labels'])}, {off:.2g} apart",
                hint="report it with the text; nothing was written",
            )
        worst = max(worst, off)
    return worst


def _apart(found: tuple[Tensor, Tensor, Tensor], wanted: tuple[Tensor, Tensor, Tensor]) -> float:
    """Return how far each box and score is from the nearest of its label on the other side, at most.

    In any order: of equal scores either may come first. Infinite where one side has more.
    """
    if len(found[1]) != len(wanted[1]):
        return math.inf
    if not len(found[1]):
        return 0.0
    boxes = (found[0][:, None] - wanted[0][None]).abs().amax(2)
    gaps = torch.maximum(boxes, (found[2][:, None] - wanted[2][None]).abs())
    gaps = gaps.masked_fill(found[1][:, None] != wanted[1][None], math.inf)
    return max(float(gaps.amin(axis).max()) for axis in (0, 1))


class _FromImage(nn.Module):
    """A detector that takes a batch of one image and gives its boxes, labels and scores."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (found,) = self.model([image[0]])
        return found["boxes"], found["labels"], found["scores"]


@contextlib.contextmanager
def _exportable(size: tuple[int, int]) -> Iterator[None]:
    """Let torchvision suppress boxes by class without asking whether there are any, which no exporter can follow.

    Classes are moved apart by more than the image's side, as in torchvision, which takes the largest coordinate.
    """
    from torchvision.ops import boxes as operators

    def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
        apart = idxs.to(boxes) * (max(size) + 1.0)
        return cast(Tensor, operators.nms(boxes + apart[:, None], scores, iou_threshold))

    with mock.patch.object(operators, "batched_nms", batched_nms):
        yield
