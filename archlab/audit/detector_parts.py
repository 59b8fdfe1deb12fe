"""torchvision's detectors in parts: what one image costs, and what each proposal and each detection adds.

How many boxes a detector proposes and finds depends on its weights, which an audit does not have. So their numbers are
parameters, and the steps that choose boxes by their values (top-k, non-maximum suppression, pasting of masks) are
replaced, on the pass over meta tensors, by ones that hand on as many boxes as asked for. They have no MACs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from archlab.audit.audit_result import Audit
from archlab.audit.findings import Operator, Part
from archlab.audit.tracing.forward import ForwardPass, StandIn

_PACKAGE = "torchvision.models.detection"


@dataclass(frozen=True, slots=True)
class Boxes:
    """How many boxes each image has: proposals for the box head, detections for the mask and keypoint heads.

    Where no number of proposals is given, it is the most that the detector hands on (1,000 in most).
    """

    proposals: int | None = None
    detections: int = 0

    def for_model(self, model: nn.Module) -> Boxes:
        """Return the boxes with the number of proposals that ``model`` hands on, where none is given."""
        if self.proposals is not None:
            return self
        from torchvision.models.detection.rpn import RegionProposalNetwork

        rpn = next((m for m in model.modules() if isinstance(m, RegionProposalNetwork)), None)
        return Boxes(rpn._post_nms_top_n["testing"] if rpn is not None else 0, self.detections)


def is_detector(model: nn.Module) -> bool:
    """Whether ``model`` holds one of torchvision's detectors."""
    if _PACKAGE not in sys.modules:
        return False
    kinds = _kinds()
    return any(isinstance(module, kinds) for module in model.modules())


def _kinds() -> tuple[type[nn.Module], ...]:
    from torchvision.models import detection

    return (
        detection.faster_rcnn.RegionProposalNetwork,
        detection.roi_heads.RoIHeads,
        detection.retinanet.RetinaNet,
        detection.fcos.FCOS,
        detection.ssd.SSD,
    )


def has_second_heads(model: nn.Module) -> bool:
    """Whether a mask or keypoint head follows the detections."""
    from torchvision.models.detection.roi_heads import RoIHeads

    heads = (module for module in model.modules() if isinstance(module, RoIHeads))
    return any(head.has_mask() or head.has_keypoint() for head in heads)


def stand_in(boxes: Boxes) -> StandIn:
    """Return what opens a context in which torchvision's detectors hand on as many boxes as ``boxes`` says."""

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        from torchvision.models import detection
        from torchvision.ops import poolers

        def proposals(self: Any, proposed: Tensor, objectness: Tensor, image_shapes: Any, per_level: Any) -> Any:
            n = boxes.proposals or 0
            return [proposed.new_zeros((n, 4)) for _ in image_shapes], [
                objectness.new_zeros((n,)) for _ in image_shapes
            ]

        def box_results(self: Any, logits: Tensor, regression: Tensor, proposed: Any, image_shapes: Any) -> Any:
            found = [_found(logits, boxes.detections) for _ in image_shapes]
            return tuple([image[name] for image in found] for name in ("boxes", "scores", "labels"))

        def one_stage(self: Any, outputs: dict[str, Any], anchors: Any, image_shapes: Any) -> Any:
            like = next(v[0] if isinstance(v, list) else v for v in outputs.values())
            return [_found(like, boxes.detections) for _ in image_shapes]

        with contextlib.ExitStack() as stack:
            for owner, name, function in (
                (detection.rpn.RegionProposalNetwork, "filter_proposals", proposals),
                (detection.roi_heads.RoIHeads, "postprocess_detections", box_results),
                (detection.roi_heads, "keypointrcnn_inference", _keypoints),
                (detection.retinanet.RetinaNet, "postprocess_detections", one_stage),
                (detection.fcos.FCOS, "postprocess_detections", one_stage),
                (detection.ssd.SSD, "postprocess_detections", one_stage),
                (detection.transform.GeneralizedRCNNTransform, "postprocess", _as_they_are),
                (poolers, "_multiscale_roi_align", _align_on_first_level),
            ):
                stack.enter_context(mock.patch.object(owner, name, function))
            yield

    return context


def _found(like: Tensor, n: int) -> dict[str, Tensor]:
    return {
        "boxes": like.new_zeros((n, 4)),
        "scores": like.new_zeros((n,)),
        "labels": like.new_zeros((n,), dtype=torch.int64),
    }


def _keypoints(maps: Tensor, boxes: list[Tensor]) -> Any:
    """Stand in for reading the keypoints off the heatmaps, box by box."""
    found = [maps.new_zeros((box.shape[0], maps.shape[1], 3)) for box in boxes]
    return found, [keypoints[..., 0] for keypoints in found]


def _as_they_are(self: Any, result: Any, image_shapes: Any, original: Any) -> Any:
    return result


def _align_on_first_level(
    features: list[Tensor], boxes: list[Tensor], output_size: Any, sampling_ratio: int, scales: Any, mapper: Any
) -> Tensor:
    """Stand in for choosing a box's level of the pyramid by its size; the work is the same on each."""
    from torchvision.ops import roi_align

    aligned: Tensor = roi_align(features[0], boxes, output_size, scales[0] if scales else 1.0, sampling_ratio)
    return aligned


# --- parts -------------------------------------------------------------------------------------------------------

_PARTS = (
    ("box head", "proposal", ("roi_heads.box_",)),
    ("mask head", "detection", ("roi_heads.mask_",)),
    ("keypoint head", "detection", ("roi_heads.keypoint_",)),
    ("proposal head", "image", ("rpn",)),
    ("head", "image", ("head",)),
    ("backbone + neck", "image", ("backbone",)),
)


def parts_of(audit: Audit, boxes: Boxes, images: int, one: Audit | None = None) -> tuple[Part, ...]:
    """Return a detector's parts, in the order of running.

    Args:
        one: its audit with one detection, where it has heads for detections.
    """
    parts = []
    for name, unit, prefixes in reversed(_PARTS):
        macs = _macs(audit.operators, prefixes)
        params = sum(m.params for m in audit.modules if any(_is_top(m.path, p) for p in prefixes))
        times = images * {"image": 1, "proposal": boxes.proposals or 0, "detection": boxes.detections}[unit]
        each = macs / times if times else 0.0
        if unit == "detection" and one is not None:
            each = _macs(one.operators, prefixes) / images
        if macs or each:
            parts.append(Part(name, unit, times, each, macs, params))
    return tuple(parts)


def _macs(operators: tuple[Operator, ...], prefixes: tuple[str, ...]) -> int:
    return sum(o.macs for o in operators if o.module.startswith(prefixes))


def _is_top(path: str, prefix: str) -> bool:
    """Whether ``path`` is the outermost module of a part."""
    return path.startswith(prefix) and path.count(".") == prefix.count(".")


def image_count(done: ForwardPass) -> int:
    """Count the images that a detector was given: each is a tensor (C, H, W), or one of a batch."""
    return sum(t.shape[0] if t.dim() == 4 else 1 for _, t in done.inputs if t.dim() in (3, 4))
