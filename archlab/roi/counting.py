"""MACs and bytes of the RoI operators, as functions of shapes. Imports no torch: the cost model reads this.

A bilinear sample is four multiply–accumulates; a pooled maximum has none. Bytes are the least that memory
must move: each pixel that an RoI can touch once, each output once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

_SAMPLED = ("avg", "max", "onnx_max")


def roi_align_macs(
    rois: int,
    channels: int,
    output_size: tuple[int, int],
    sampling_ratio: int,
    mode: str = "avg",
    box_size: tuple[float, float] | None = None,
) -> int:
    """Return the multiply–accumulates of RoI align, 4 for each sample of each output element.

    Args:
        rois: K, over all images and levels.
        output_size: bins (P, Q).
        sampling_ratio: samples of a bin along each axis.
        box_size: (height, width) of a typical RoI in feature pixels, which sets the grid where the sampling
            is adaptive, and the taps of ``prroi``.

    Raises:
        ValueError: the samples depend on the boxes and ``box_size`` is not given; or an unknown mode.

    >>> roi_align_macs(512, 256, (7, 7), 2)
    102760448
    """
    if mode in ("caffe", "partition"):
        return 0
    if mode not in (*_SAMPLED, "prroi"):
        raise ValueError(f"mode {mode!r} is not known; one of avg, max, onnx_max, prroi, caffe, partition")
    outputs = rois * channels * output_size[0] * output_size[1]
    if mode in _SAMPLED and sampling_ratio > 0:
        return 4 * sampling_ratio**2 * outputs
    if box_size is None:
        raise ValueError(f"mode {mode!r} with sampling_ratio {sampling_ratio} needs the size of an RoI to be counted")
    bins = [size / count for size, count in zip(box_size, output_size, strict=True)]
    if mode == "prroi":
        return math.prod(math.ceil(size) + 1 for size in bins) * outputs
    return 4 * math.prod(math.ceil(size) for size in bins) * outputs


def roi_align_bytes(
    rois: int,
    channels: int,
    output_size: tuple[int, int],
    box_size: tuple[float, float],
    map_pixels: int,
    element_size: int = 4,
) -> int:
    """Return the least bytes that one RoI align moves: every output once, and every pixel under an RoI once.

    Args:
        box_size: (height, width) of a typical RoI in feature pixels.
        map_pixels: N·H·W over all levels: no more than the maps is read from memory.
        element_size: bytes of a feature.

    >>> roi_align_bytes(512, 256, (7, 7), (14.0, 14.0), 200 * 272)
    81395712
    """
    outputs = rois * channels * output_size[0] * output_size[1]
    under = rois * math.prod(math.ceil(size) + 1 for size in box_size)
    return element_size * (outputs + channels * min(under, map_pixels))


def fvcore_handles() -> dict[str, Callable[[Sequence[Any], Sequence[Any]], int]]:
    """Return handles for fvcore's ``FlopCountAnalysis.set_op_handle``, by operator name.

    Adaptive sampling and ``prroi`` depend on the boxes, which a trace does not show: their handle assumes
    bins of one pixel, the least.
    """
    return {"archlab::roi_align": _fvcore_macs, "archlab::roi_choose": _fvcore_nothing}


def _fvcore_macs(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    rois, channels, p, q = outputs[0].type().sizes()
    *_, ratio, _aligned, mode = (value.toIValue() for value in inputs)
    return roi_align_macs(rois, channels, (p, q), ratio, mode, (float(p), float(q)))


def _fvcore_nothing(_inputs: Sequence[Any], _outputs: Sequence[Any]) -> int:
    """Return 0: finding a maximum multiplies nothing that ``roi_align`` does not count."""
    return 0
