"""What the operators compute, on any device: each function takes the arguments of the operator of its name.

A linear mode is a product with the tap matrix; a maximum whose ``choice`` is given reads the chosen values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archlab.roi import matrix_products, max_values, native_calls
from archlab.roi.geometry import LINEAR_MODES, Geometry, RoIError, size_triples
from archlab.roi.max_winners import find_winners


def check_call(boxes: Tensor, levels: Tensor | None, count: int, g: Geometry) -> None:
    """Refuse arguments that would let a kernel leave its memory, as when the operator is called directly.

    Raises:
        RoIError: boxes that are not (K, 5) floats, or numbers of maps, scales and levels that do not fit.
    """
    if boxes.dim() != 2 or boxes.shape[1] != 5 or boxes.dtype not in (torch.float32, torch.float64):
        raise RoIError(f"boxes must be (K, 5) in float32 or float64, not {tuple(boxes.shape)} in {boxes.dtype}")
    if len(g.scales) != count or (levels is None and count != 1):
        raise RoIError(f"{count} maps, {len(g.scales)} scales: one of each per level, and levels if more than one")


def roi_align(
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor | None,
    choice: Tensor | None,
    tangents: Tensor | None,
    *rest: Any,
) -> Tensor:
    """Compute ``archlab::roi_align``, without Triton, on any device."""
    g = Geometry.from_arguments(*rest)
    check_call(boxes, levels, len(features), g)
    if native_calls.takes(features[0], tangents, g):
        if choice is None:
            return native_calls.pooled(features, boxes, levels, g)
        return native_calls.chosen(features, choice, boxes, levels, g)
    if choice is None and g.mode not in LINEAR_MODES:
        choice = find_winners(features, boxes, levels, g)
    if choice is None:
        return matrix_products.align(features, boxes, levels, tangents, g)
    return max_values.align(features, choice, boxes, levels, tangents, g)


def roi_align_transposed(
    grad: Tensor,
    boxes: Tensor,
    levels: Tensor | None,
    choice: Tensor | None,
    tangents: Tensor | None,
    sizes: Sequence[int],
    channels_last: bool,
    *rest: Any,
) -> list[Tensor]:
    """Compute ``archlab::roi_align_transposed``, without Triton, on any device."""
    g = Geometry.from_arguments(*rest)
    each = size_triples(sizes)
    check_call(boxes, levels, len(each), g)
    if native_calls.takes(grad, tangents, g):
        return native_calls.spread(grad, choice, boxes, levels, each, channels_last, g)
    if choice is None:
        return matrix_products.align_transposed(grad, boxes, levels, tangents, each, channels_last, g)
    return max_values.align_transposed(grad, choice, boxes, levels, tangents, each, channels_last, g)


def roi_align_boxes(
    features: list[Tensor],
    grad: Tensor,
    boxes: Tensor,
    levels: Tensor | None,
    choice: Tensor | None,
    tangents: Tensor | None,
    *rest: Any,
) -> Tensor:
    """Compute ``archlab::roi_align_boxes`` on any device."""
    g = Geometry.from_arguments(*rest)
    check_call(boxes, levels, len(features), g)
    if choice is None:
        return matrix_products.align_boxes(features, grad, boxes, levels, tangents, g)
    return max_values.align_boxes(features, grad, choice, boxes, levels, tangents, g)


def roi_choose(features: list[Tensor], boxes: Tensor, levels: Tensor | None, *rest: Any) -> Tensor:
    """Compute ``archlab::roi_choose`` on any device."""
    g = Geometry.from_arguments(*rest)
    check_call(boxes, levels, len(features), g)
    if native_calls.takes(features[0], None, g):
        return native_calls.pooled_and_choice(features, boxes, levels, g)[1]
    return find_winners(features, boxes, levels, g)
