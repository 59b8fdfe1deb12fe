"""COCO average precision of a detector, by pycocotools."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from archlab.detect.dataset import DetectionData
from archlab.errors import InputError

if TYPE_CHECKING:
    from pycocotools.coco import COCO

Prediction = Mapping[str, Tensor]
"""``boxes`` (n, 4) in pixels of the data's images, ``scores`` (n,) and ``labels`` (n,), as torchvision's detectors."""

IOUS = tuple(range(50, 100, 5))
AREAS = ("all", "small", "medium", "large")
"""Of pycocotools' tables: IoUs in percent, and the areas of objects."""

MOST_FOUND = 100
"""Boxes per image that count, the surest."""

AT_ONCE = 100
"""Classes that are evaluated together."""

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


def predict(
    detector: Detector, data: DetectionData, batch_size: int = 8, device: torch.device | str = "cpu"
) -> list[dict[str, Tensor]]:
    """Return what ``detector``, in evaluation mode and on ``device``, finds in each image of ``data``, on the CPU."""
    found: list[dict[str, Tensor]] = []
    with torch.no_grad():
        for start in range(0, len(data), batch_size):
            images = data.batch(range(start, min(start + batch_size, len(data))), device)
            found += [{name: each.cpu() for name, each in one.items()} for one in detector(list(images))]
    return found


def average_precision(predictions: Sequence[Prediction], data: DetectionData) -> AveragePrecision:
    """Return COCO's AP of ``predictions``, one for each image of ``data``, with at most ``MOST_FOUND`` boxes per image.

    Lin et al. 2014, arXiv:1405.0312; the numbers are pycocotools'.

    Raises:
        InputError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise InputError("AP needs pycocotools", hint="pip install 'archlab[detect]'") from error
    rows = _rows(predictions, data)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints as it goes
        truth = COCO()
        # Annotations of its own, since pycocotools writes into them.
        truth.dataset = {"info": {}, **data.truth, "annotations": [dict(each) for each in data.truth["annotations"]]}
        truth.createIndex()
        found = _results(truth, rows)
        precision: dict[int, Any] = {}
        for classes, images in _portions(data, rows):
            evaluation = COCOeval(truth, found, "bbox")
            evaluation.params.catIds, evaluation.params.imgIds = classes, images
            evaluation.params.maxDets = [MOST_FOUND]
            evaluation.evaluate()
            evaluation.accumulate()
            # (IoU, recall, class, area, most boxes), -1 throughout where a class has nothing of that area.
            of_classes = evaluation.eval["precision"][..., 0].mean(axis=1)
            precision |= {id: of_classes[:, i] for i, id in enumerate(classes)}
    none = np.full((len(IOUS), len(AREAS)), -1.0)
    table = np.stack([precision.get(id, none) for id in data.category_ids])
    small, medium, large = (_mean(table[:, :, area]) for area in range(1, len(AREAS)))
    return AveragePrecision(
        ap=_mean(table[:, :, 0]),
        ap50=_mean(table[:, IOUS.index(50), 0]),
        ap75=_mean(table[:, IOUS.index(75), 0]),
        small=small,
        medium=medium,
        large=large,
        by_class={name: _mean(row[:, 0]) for name, row in zip(data.classes, table, strict=True)},
    )


def _portions(data: DetectionData, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the ids of classes that have boxes, ``AT_ONCE`` at a time, and those of the images that they may be in.

    Whatever is left out has nothing to count: pycocotools looks at each pair of a class and an image that it is given,
    and has a table of 100 kB for each class.
    """
    known = set(data.image_ids)
    images: dict[int, set[int]] = {entry["category_id"]: set() for entry in data.truth["annotations"]}
    for entry in (*data.truth["annotations"], *rows):
        if entry["category_id"] in images and entry["image_id"] in known:
            images[entry["category_id"]].add(entry["image_id"])
    classes = sorted(id for id, found in images.items() if found)
    for start in range(0, len(classes), AT_ONCE):
        portion = classes[start : start + AT_ONCE]
        yield portion, sorted(set().union(*(images[id] for id in portion)))


def _mean(precision: np.ndarray[Any, Any]) -> float:
    """Return the mean over classes that have something to find; NaN where none has."""
    some = precision[precision > -1]
    return float(some.mean()) if some.size else math.nan


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
