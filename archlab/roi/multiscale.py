"""``multiscale_roi_align``: RoI align, or pooling, over the levels of a feature pyramid, in one operator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archlab.roi.boxes import as_rois, assign_levels, check_features
from archlab.roi.fx_leaves import fx_leaf
from archlab.roi.geometry import MODES, POOL_MODES, RoIError, checked_geometry, scale_pair
from archlab.roi.ops import run_operators

# Beyond this no stride is told from another: infinite products would have no end.
LARGEST_POWER = 64


@fx_leaf
def multiscale_roi_align(
    features: Sequence[Tensor],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    strides: Sequence[float | Sequence[float]],
    sampling_ratio: int = -1,
    aligned: bool = False,
    mode: str = "avg",
    *,
    levels: Tensor | None = None,
    assignment: str = "torchvision",
    canonical_scale: float = 224,
    canonical_level: int = 4,
) -> Tensor:
    """Align, or pool, each box on the pyramid level that suits its size.

    Args:
        features: one map (N, C, H_l, W_l) per level, in any order: their strides say which is finer.
        boxes: (K, 5) rows ``batch index, x1, y1, x2, y2``, or one (L, 4) tensor per image.
        output_size, sampling_ratio, aligned: as in :func:`archlab.roi.roi_align`.
        mode: a mode of :func:`archlab.roi.roi_align`, or one of :func:`archlab.roi.roi_pool`, which takes no samples.
        strides: per level, input pixels per feature pixel, one number or (y, x); any positive number.
        levels: (K,) integer level of each RoI from 0 to len(features) - 1, instead of an assignment; an RoI
            of any other level gives zeros.
        assignment: ``torchvision`` or ``detectron2``, which differ by an epsilon: see
            :func:`archlab.roi.assign_levels`. The finest and the coarsest level are their strides' base-2
            logarithms, rounded.
        canonical_scale, canonical_level: a box of this size (in input pixels) falls on this level.

    Returns:
        (K, C, P, Q) in the dtype and memory layout of the first map, zeros as in
        :func:`archlab.roi.roi_align`.

    Raises:
        RoIError: (a ValueError) ranks, dtypes, devices or numbers that do not fit.

    Lin et al., Feature Pyramid Networks (2017), section 4.2; torchvision.ops.MultiScaleRoIAlign, which takes
    ``aligned=False`` always, and detectron2's ROIPooler.
    """
    features = list(features)
    check_features(features)
    if len(strides) != len(features):
        raise RoIError(f"{len(features)} feature maps and {len(strides)} strides: one stride per map")
    pairs = [scale_pair(stride) for stride in strides]
    if mode in POOL_MODES:
        sampling_ratio, aligned = 0, False
    g = checked_geometry([(1 / y, 1 / x) for y, x in pairs], output_size, sampling_ratio, aligned, mode, MODES)
    rois = as_rois(boxes, features[0])
    if levels is None:
        levels = _levels_of_strides(rois, pairs, canonical_scale, canonical_level, assignment)
    elif levels.dim() != 1 or levels.is_floating_point() or levels.device != rois.device:
        raise RoIError(f"levels must be (K,) integers on {rois.device}, not {tuple(levels.shape)} {levels.dtype}")
    else:
        torch._check(levels.shape[0] == rois.shape[0], lambda: "levels must have one entry per box")
    return run_operators(features, rois, levels, g)


def _levels_of_strides(
    rois: Tensor, strides: list[tuple[float, float]], canonical_scale: float, canonical_level: int, assignment: str
) -> Tensor:
    """Return (K,) the map of each RoI, whatever the order of the maps."""
    finest_first = sorted(range(len(strides)), key=lambda i: strides[i][0] * strides[i][1])
    logs = [_nearest_power(strides[i][0] * strides[i][1], 1, 2) for i in (finest_first[0], finest_first[-1])]
    levels = assign_levels(rois, logs[0], logs[1], canonical_scale, canonical_level, assignment)
    # Strides need not double from level to level: the coarsest map takes what lies beyond.
    levels = levels.clamp(max=len(strides) - 1)
    if finest_first == list(range(len(strides))):
        return levels
    return torch.tensor(finest_first, device=rois.device)[levels]


def _nearest_power(above: float, below: float, root: int) -> int:
    """Return the whole number nearest to log2(above / below) / root.

    By comparisons alone, which torch.compile takes for symbolic sizes too, and keeps as bounds on them. Never halfway
    for whole numbers: an odd power of the root of 2 is no fraction. Else halves go to the even number, as Python's.
    """
    power = 0
    up, down = above * above, below * below  # log2(up / down) = 2 · root · the logarithm wanted
    while power < LARGEST_POWER and (up > (edge := down * 2 ** (root * (2 * power + 1))) or (up == edge and power % 2)):
        power += 1
    while power > -LARGEST_POWER and (
        up < (edge := down * 2.0 ** (root * (2 * power - 1))) or (up == edge and power % 2)
    ):
        power -= 1
    return power


def infer_strides(features: Sequence[Tensor], image_shapes: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Return the (y, x) stride of each level: the power of two nearest to largest image / map.

    torchvision infers one number for both axes, and once; this infers each axis by itself, in each call.

    Raises:
        RoIError: no images, or a map of no pixels.
    """
    if not image_shapes:
        raise RoIError("image_shapes must name at least one image")
    strides = []
    for x in features:
        if x.dim() != 4 or x.shape[2] < 1 or x.shape[3] < 1:
            raise RoIError(f"a stride cannot be inferred from a map of shape {tuple(x.shape)}")
        y, x_ = (2.0 ** _nearest_power(max(s[axis] for s in image_shapes), x.shape[axis + 2], 1) for axis in (0, 1))
        strides.append((y, x_))
    return strides
