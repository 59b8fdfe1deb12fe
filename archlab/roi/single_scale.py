"""``roi_align`` and ``roi_pool``: torchvision's functions, with more modes, dtypes and derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from archlab.roi.boxes import as_rois, check_features
from archlab.roi.fx_leaves import fx_leaf
from archlab.roi.geometry import POOL_MODES, checked_geometry
from archlab.roi.ops import run_operators


@fx_leaf
def roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float | Sequence[float] = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
    mode: str = "avg",
) -> Tensor:
    """Read bilinear samples in every bin of each box, without rounding a coordinate: RoI align.

    Args:
        input: (N, C, H, W), float64, float32, float16 or bfloat16, NCHW or channels_last.
        boxes: (K, 5) rows ``batch index, x1, y1, x2, y2``, or one (L, 4) tensor per image.
        output_size: bins, (P, Q) or one number for both.
        spatial_scale: feature pixels per unit of the boxes, one number or (y, x).
        sampling_ratio: samples of a bin along each axis; 0 and below: the bin's size, rounded up.
        aligned: shift by half a pixel, so that a coordinate names the centre of a pixel. Without it a box
            is at least one pixel wide and high.
        mode: ``avg``, the mean of the samples; ``max``, the largest; ``onnx_max``, the largest weighted
            corner, as ONNX defines it; ``prroi``, the exact integral (no samples; a box may be thinner than
            a pixel).

    Returns:
        (K, C, P, Q) in the dtype and memory layout of ``input``. Zeros for a box that has a NaN or infinite
        coordinate, lies beyond 2^24 feature pixels, or names an image that is not there; and for a map of
        no pixels.

    Raises:
        RoIError: (a ValueError) ranks, dtypes, devices or numbers that do not fit.

    He et al., Mask R-CNN (2017), section 3; torchvision.ops.roi_align. ``max``: the same over maxima, as in
    mmcv.
    ``prroi``: Jiang et al. (2018), equation 5. Differentiable with respect to ``input`` and ``boxes``, twice.
    """
    g = checked_geometry([spatial_scale], output_size, sampling_ratio, aligned, mode)
    check_features([input])
    return run_operators([input], as_rois(boxes, input), None, g)


@fx_leaf
def roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float | Sequence[float] = 1.0,
    mode: str = "caffe",
) -> Tensor:
    """Take the maximum of each bin of a box rounded to pixels: RoI pooling.

    Args:
        input, boxes, output_size, spatial_scale: as in :func:`roi_align`.
        mode: ``caffe``: the box includes its last pixel, bins reach from floor to ceil and may overlap by
            one pixel (Girshick, Fast R-CNN, 2015; torchvision.ops.roi_pool). ``partition``: the box ends
            before its last coordinate, bins of floor(size / bins) pixels, and the last takes the rest.

    Returns:
        (K, C, P, Q) as :func:`roi_align`; 0 in a bin without pixels. The gradient to the boxes is zero.

    Raises:
        RoIError: (a ValueError) ranks, dtypes, devices or numbers that do not fit.
    """
    g = checked_geometry([spatial_scale], output_size, 0, False, mode, POOL_MODES)
    check_features([input])
    return run_operators([input], as_rois(boxes, input), None, g)
