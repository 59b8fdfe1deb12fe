"""Calls of the C kernels: which problems they take, and how these are packed. See ``native/problem.h``."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archlab.roi.geometry import Geometry
from archlab.roi.layouts import empty_like_layout, is_channels_last
from archlab.roi.native_library import native_library

MODES = {"avg": 0, "max": 1, "onnx_max": 2, "caffe": 3, "partition": 4}
ELEMENTS = (torch.float32, torch.float64)
# Below this many outputs a second thread costs more than it saves.
OUTPUTS_OF_A_THREAD = 1 << 17
# Memory of this size is the system's own, not a piece that was freed before.
CLEARED_BYTES = 1 << 20

_HEAD = struct.Struct("=17q")
_LEVEL = struct.Struct("=7q2d")


def takes(x: Tensor, tangents: Tensor | None, geometry: Geometry) -> bool:
    """Return whether the C kernels compute this: float32 or float64 on CPU, no derivative, not ``prroi``."""
    return (
        tangents is None
        and x.dtype in ELEMENTS
        and geometry.mode in MODES
        and x.device.type == "cpu"
        and native_library() is not None
    )


def pooled(features: list[Tensor], boxes: Tensor, levels: Tensor | None, geometry: Geometry) -> Tensor:
    """Return (K, C, P, Q): averages, or maxima."""
    return _forward(features, boxes, levels, geometry, None)


def pooled_and_choice(
    features: list[Tensor], boxes: Tensor, levels: Tensor | None, geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """Return the maxima (K, C, P, Q), and as int32 which sample or pixel each is, as ``max_values`` says."""
    first = features[0]
    last = is_channels_last(first)
    shape = (len(boxes), first.shape[1], *geometry.bins)
    choice = empty_like_layout(shape, first, last, torch.int32)
    return _forward(features, boxes, levels, geometry, choice), choice


def chosen(features: list[Tensor], choice: Tensor, boxes: Tensor, levels: Tensor | None, geometry: Geometry) -> Tensor:
    """Return (K, C, P, Q): the values of given choices."""
    first = features[0]
    last = is_channels_last(first)
    out = empty_like_layout((len(boxes), first.shape[1], *geometry.bins), first, last)
    layout = torch.channels_last if last else torch.contiguous_format
    _call(
        "roi_chosen",
        _in_layout(features, last),
        boxes,
        levels,
        out,
        choice.contiguous(memory_format=layout),
        geometry,
        last,
    )
    return out


def spread(
    grad: Tensor,
    choice: Tensor | None,
    boxes: Tensor,
    levels: Tensor | None,
    sizes: list[tuple[int, int, int]],
    channels_last: bool,
    geometry: Geometry,
) -> list[Tensor]:
    """Return the transpose of ``pooled``, or of ``chosen``: one gradient (N, C, H_l, W_l) per level."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    maps = [_zeros((n, grad.shape[1], h, w), grad, channels_last) for n, h, w in sizes]
    grad = grad.contiguous(memory_format=layout)
    if choice is not None:
        choice = choice.contiguous(memory_format=layout)
    _call("roi_spread", maps, boxes, levels, grad, choice, geometry, channels_last)
    return maps


def _zeros(shape: tuple[int, int, int, int], like: Tensor, channels_last: bool) -> Tensor:
    """Return zeros in ``like``'s dtype. NumPy's large ones come from the system, which has cleared them already."""
    if math.prod(shape) * like.element_size() < CLEARED_BYTES:
        return empty_like_layout(shape, like, channels_last).zero_()
    n, c, h, w = shape
    kind = "f8" if like.dtype == torch.float64 else "f4"
    if channels_last:
        return torch.from_numpy(np.zeros((n, h, w, c), kind)).permute(0, 3, 1, 2)
    return torch.from_numpy(np.zeros(shape, kind))


def _forward(
    features: list[Tensor], boxes: Tensor, levels: Tensor | None, geometry: Geometry, choice: Tensor | None
) -> Tensor:
    first = features[0]
    last = is_channels_last(first)
    out = empty_like_layout((len(boxes), first.shape[1], *geometry.bins), first, last)
    _call("roi_pooled", _in_layout(features, last), boxes, levels, out, choice, geometry, last)
    return out


def _in_layout(features: list[Tensor], channels_last: bool) -> list[Tensor]:
    """Return the maps as the kernels read them: with any steps, but channels, or the pixels of a row, adjacent."""
    if channels_last:
        return [x if x.stride(1) == 1 else x.contiguous(memory_format=torch.channels_last) for x in features]
    return [x if x.stride(3) == 1 else x.contiguous() for x in features]


def _call(
    name: str,
    maps: list[Tensor],
    boxes: Tensor,
    levels: Tensor | None,
    values: Tensor,
    choice: Tensor | None,
    geometry: Geometry,
    rows: bool,
) -> None:
    first = maps[0]
    if not values.numel():
        return
    boxes = boxes.contiguous()
    if levels is not None:
        levels = levels.to(torch.int64).contiguous()
    packed = _HEAD.pack(
        boxes.data_ptr(),
        0 if levels is None else levels.data_ptr(),
        values.data_ptr(),
        0 if choice is None else choice.data_ptr(),
        len(boxes),
        first.shape[1],
        first.shape[0],
        *geometry.bins,
        max(geometry.sampling_ratio, 0),
        geometry.aligned,
        MODES[geometry.mode],
        len(maps),
        values.dtype == torch.float64,
        boxes.dtype == torch.float64,
        rows,
        min(torch.get_num_threads(), 1 + values.numel() // OUTPUTS_OF_A_THREAD),
    )
    for x, (scale_y, scale_x) in zip(maps, geometry.scales, strict=True):
        packed += _LEVEL.pack(x.data_ptr(), *x.stride(), *x.shape[2:], scale_y, scale_x)
    library = native_library()
    assert library is not None
    function: Callable[[bytes], Any] = getattr(library, name)
    function(packed)
