"""COCO average precision of a detector, by pycocotools."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData
from archlab.errors import InputError

if TYPE_CHECKING:
    from pycocotools.coco import COCO

Prediction = Mapping[str, Tensor]
"""``boxes`` (n, 4) in pixels of the data's images, ``scores`` (n,) and ``labels`` (n,), as torchvision's detectors."""

Detector = Callable[[list[Tensor]], list[Prediction]]


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """COCO's metrics, from 0 to 1; NaN where there is nothing of the kind to find.

    Attributes:
        ap: mean over IoU .50 to .95 and the classes; ``ap50`` and ``ap75`` at one IoU.
        small, medium, large: ``ap`` of objects below 32², up to 96² and above, in pixels of the image on disk.
        by_class: ``ap`` by class name.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    by_class: dict[str, float] = field(default_factory=dict)


def predict(detector: Detector, data: DetectionData, batch_size: int = 8) -> list[dict[str, Tensor]]:
    """Return what ``detector``, in evaluation mode, finds in each image of ``data``."""
    found: list[dict[str, Tensor]] = []
    with torch.no_grad():
        for start in range(0, len(data), batch_size):
            images = data.batch(range(start, min(start + batch_size, len(data))))
            found += [dict(prediction) for prediction in detector(list(images))]
    return found


def average_precision(predictions: Sequence[Prediction], data: DetectionData) -> AveragePrecision:
    """Return COCO's AP of ``predictions``, one for each image of ``data``, with at most 100 boxes per image.

    Lin et al. 2014, arXiv:1405.0312; the numbers are pycocotools'.

    Raises:
        InputError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise InputError("AP needs pycocotools", hint="pip install 'archlab[detect]'") from error
    with contextlib.redirect_stdout(io.StringIO()):  # it prints as it goes
        truth = COCO()
        # Annotations of its own, since pycocotools writes into them.
        truth.dataset = {"info": {}, **data.truth, "annotations": [dict(each) for each in data.truth["annotations"]]}
        truth.createIndex()
        evaluation = COCOeval(truth, _results(truth, _rows(predictions, data)), "bbox")
        evaluation.params.imgIds = sorted(data.image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ("ap", "ap50", "ap75", "small", "medium", "large")
    values = [float(value) if value >= 0 else math.nan for value in evaluation.stats[: len(names)]]
    # (IoU, recall, class, area, most boxes): all IoUs and recalls of a class, any area, 100 boxes.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    order = evaluation.params.catIds
    by_class = {}
    for name, id in zip(data.classes, data.category_ids, strict=True):
        of_class = precision[:, :, order.index(id)]
        by_class[name] = float(of_class.mean()) if (of_class > -1).all() else math.nan
    return AveragePrecision(**dict(zip(names, values, strict=True)), by_class=by_class)


def _rows(predictions: Sequence[Prediction], data: DetectionData) -> list[dict[str, Any]]:
    """Return COCO's results, in pixels on disk."""
    rows: list[dict[str, Any]] = []
    for image_id, scale, found in zip(data.image_ids, data.scales, predictions, strict=True):
        boxes = found["boxes"].double() / scale
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)
        for box, score, label in zip(boxes.tolist(), found["scores"].tolist(), found["labels"].tolist(), strict=True):
            category = data.category_ids[label - 1]
            rows.append({"image_id": image_id, "bbox": box, "score": score, "category_id": category})
    return rows


def _results(truth: COCO, rows: list[dict[str, Any]]) -> COCO:
    """Return ``rows`` as pycocotools takes them: from ``loadRes``, which fails where there is none."""
    if rows:
        return truth.loadRes(rows)
    empty = type(truth)()
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty
