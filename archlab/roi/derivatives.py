"""What each operator runs where gradients are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from archlab.roi import native_calls
from archlab.roi.box_derivatives import AlignBoxes
from archlab.roi.geometry import LINEAR_MODES, Geometry
from archlab.roi.map_derivatives import Align, AlignTransposed
from archlab.roi.transform_levels import apply_function, grad_mode, plain, records, run_below

_OPS = torch.ops.archlab


def _align(features: list[Tensor], boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any) -> Any:
    if not records(boxes, tangents, *features):
        return run_below(_OPS.roi_align.default, grad_mode(), features, boxes, levels, choice, tangents, *rest)
    g = Geometry.from_arguments(*rest)
    find = choice is None and g.mode not in LINEAR_MODES
    ready: tuple[Tensor, ...] = ()
    if find and plain(boxes, levels, tangents, *features) and native_calls.takes(features[0], tangents, g):
        value, choice = native_calls.pooled_and_choice(features, boxes, levels, g)
        ready = (value,)
    elif find:
        choice = _OPS.roi_choose.default([x.detach() for x in features], boxes.detach(), levels, *rest)
    return apply_function(Align, rest, ready, boxes, levels, choice, tangents, *features)


def _align_transposed(grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any) -> Any:
    return list(apply_function(AlignTransposed, rest, grad, boxes, levels, choice, tangents))


def _align_boxes(
    features: list[Tensor], grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any
) -> Any:
    return apply_function(AlignBoxes, rest, grad, boxes, levels, choice, tangents, *features)


def _choose(features: list[Tensor], boxes: Tensor, levels: Any, *rest: Any) -> Tensor:
    out: Tensor = run_below(_OPS.roi_choose.default, grad_mode(), features, boxes, levels, *rest)
    return out


DERIVATIVES: dict[str, Callable[..., Any]] = {
    "roi_align": _align,
    "roi_align_transposed": _align_transposed,
    "roi_align_boxes": _align_boxes,
    "roi_choose": _choose,
}
"""What each operator runs where gradients are recorded, by its name."""
