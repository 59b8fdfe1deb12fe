"""The boxes and maps that users hand in, checked and brought to one form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archlab.roi.geometry import RoIError

FEATURE_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def check_features(features: Sequence[Tensor]) -> None:
    """Require one or more maps (N, C, H_l, W_l) that share N, C, dtype and device.

    Raises:
        RoIError: a rank, dtype, device or size that does not fit.
    """
    if not features:
        raise RoIError("at least one feature map is needed")
    first = features[0]
    for level, x in enumerate(features):
        where = f"feature map {level}" if len(features) > 1 else "the feature map"
        if not isinstance(x, Tensor):
            raise RoIError(f"{where} must be a tensor, not {type(x).__name__}")
        if x.dim() != 4:
            raise RoIError(f"{where} must be (N, C, H, W), not of rank {x.dim()}")
        if x.dtype not in FEATURE_DTYPES:
            raise RoIError(f"{where} must be float64, float32, float16 or bfloat16, not {x.dtype}")
        if level == 0:
            continue
        if x.dtype != first.dtype or x.device != first.device:
            raise RoIError(f"{where} is {x.dtype} on {x.device}, the first {first.dtype} on {first.device}")
        if x.shape[:2] != first.shape[:2]:
            raise RoIError(f"{where} has (N, C) = {tuple(x.shape[:2])}, the first has {tuple(first.shape[:2])}")


def as_rois(boxes: Tensor | Sequence[Tensor], features: Tensor) -> Tensor:
    """Return boxes as (K, 5) rows ``batch index, x1, y1, x2, y2``, in float32 or wider.

    Args:
        boxes: (K, 5), or one (L, 4) tensor per image of the batch.
        features: a map (N, C, H, W), for its device, its batch size and its precision.

    Coordinates in half types are widened before any arithmetic. Gradients flow through.

    Raises:
        RoIError: a rank, width, dtype, device or number of images that does not fit.
    """
    if isinstance(boxes, Tensor):
        if boxes.dim() != 2 or boxes.shape[1] != 5:
            raise RoIError(
                f"boxes as one tensor must be (K, 5), not {tuple(boxes.shape)}",
                hint="rows are batch index, x1, y1, x2, y2; or pass a list with one (L, 4) tensor per image",
            )
        rois = _checked(boxes, features)
    elif not isinstance(boxes, Sequence):
        raise RoIError(
            f"boxes must be tensors, not {type(boxes).__name__}",
            hint="(K, 5) rows of batch index, x1, y1, x2, y2; or a list with one (L, 4) tensor per image",
        )
    else:
        if len(boxes) != features.shape[0]:
            raise RoIError(f"{len(boxes)} lists of boxes for a batch of {features.shape[0]} images")
        rows = []
        for image, each in enumerate(boxes):
            if not isinstance(each, Tensor) or each.dim() != 2 or each.shape[1] != 4:
                shape = tuple(each.shape) if isinstance(each, Tensor) else type(each).__name__
                raise RoIError(f"the boxes of image {image} must be a tensor (L, 4), not {shape}")
            each = _checked(each, features)
            rows.append(torch.cat([torch.full_like(each[:, :1], image), each], dim=1))
        wide = _coordinate_dtype(features.dtype)
        rois = torch.cat(rows) if rows else torch.zeros(0, 5, dtype=wide, device=features.device)
    return rois


def assign_levels(
    rois: Tensor,
    min_level: int,
    max_level: int,
    canonical_scale: float = 224,
    canonical_level: int = 4,
    assignment: str = "torchvision",
) -> Tensor:
    """Return the pyramid level of each RoI: floor(k0 + log2(sqrt(area) / canonical_scale)), less ``min_level``.

    Equation 1 of Lin et al., Feature Pyramid Networks (2017). Against rounding at the thresholds
    torchvision adds 1e-6 to the logarithm, detectron2 adds 1e-8 inside it; ``assignment`` says which.

    Args:
        rois: (K, 5).

    Returns:
        (K,) int64 in [0, max_level - min_level]; 0 for a box without an area.
    """
    boxes = rois.detach()[:, 1:]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    ratio = area.sqrt() / canonical_scale
    if assignment == "torchvision":
        level = torch.floor(canonical_level + torch.log2(ratio) + 1e-6)
    elif assignment == "detectron2":
        level = torch.floor(canonical_level + torch.log2(ratio + 1e-8))
    else:
        raise RoIError(f"assignment {assignment!r} is not known", hint="one of: torchvision, detectron2")
    # A NaN has no integer: the conversion would be undefined.
    level = torch.nan_to_num(level, nan=float(min_level))
    return (level.clamp(min_level, max_level) - min_level).to(torch.int64)


def _checked(boxes: Tensor, features: Tensor) -> Tensor:
    if not boxes.dtype.is_floating_point:
        raise RoIError(f"boxes must be floating point, not {boxes.dtype}")
    if boxes.device != features.device:
        raise RoIError(f"boxes are on {boxes.device}, the features on {features.device}")
    wide = torch.float64 in (boxes.dtype, features.dtype)
    return boxes.to(torch.float64 if wide else torch.float32)


def _coordinate_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
