"""The operators on CUDA: by Triton, in every mode, forward and transposed, without waiting for the device.

The gradient to the boxes, derivatives of derivatives, and pyramids of more levels than a kernel takes run through the
same tensor code as on CPU, which is deterministic on CUDA too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from archlab.roi import kernels
from archlab.roi.geometry import LINEAR_MODES, Geometry, size_triples
from archlab.roi.triton_launches import (
    launch_chosen,
    launch_forward,
    launch_maximum,
    launch_transposed,
    launches,
)


def roi_align(features: list[Tensor], boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any) -> Tensor:
    """Compute ``archlab::roi_align`` on CUDA."""
    g = Geometry.from_arguments(*rest)
    if not launches(g, choice, tangents, len(features)):
        return kernels.roi_align(features, boxes, levels, choice, tangents, *rest)
    kernels.check_call(boxes, levels, len(features), g)
    if choice is None:
        return launch_forward(features, boxes, levels, g)
    return launch_chosen(features, choice, boxes, levels, g)


def roi_align_transposed(
    grad: Tensor,
    boxes: Tensor,
    levels: Any,
    choice: Any,
    tangents: Any,
    sizes: Sequence[int],
    last: bool,
    *rest: Any,
) -> list[Tensor]:
    """Compute ``archlab::roi_align_transposed`` on CUDA."""
    g = Geometry.from_arguments(*rest)
    triples = size_triples(sizes)
    if not launches(g, choice, tangents, len(triples)) or (choice is None and g.mode not in LINEAR_MODES):
        return kernels.roi_align_transposed(grad, boxes, levels, choice, tangents, sizes, last, *rest)
    kernels.check_call(boxes, levels, len(triples), g)
    return launch_transposed(grad, choice, boxes, levels, triples, last, g)


def roi_choose(features: list[Tensor], boxes: Tensor, levels: Any, *rest: Any) -> Tensor:
    """Compute ``archlab::roi_choose`` on CUDA."""
    g = Geometry.from_arguments(*rest)
    if not launches(g, None, None, len(features)) or g.mode in LINEAR_MODES:
        return kernels.roi_choose(features, boxes, levels, *rest)
    kernels.check_call(boxes, levels, len(features), g)
    return launch_maximum(features, boxes, levels, g, coded=True)[1]
