"""The registered operators ``archlab::roi_*``: schemas, shapes, and who computes, differentiates and batches them.

For fixed boxes RoI align is linear in the features: out = A f. Three operators close under differentiation:

- ``roi_align``             A f
- ``roi_align_transposed``  A' g
- ``roi_align_boxes``       the gradient of g · A f to the boxes

Each takes ``tangents`` v_1 … v_n (n, K, 4), and then stands for the n-th derivative of A along them in A's
place. So the derivative of any of the three, along or against anything, is again one of the three:
backward, double backward, jvp and their compositions need nothing else. A maximum is linear too once the
winners are known: ``roi_choose`` finds them, and ``choice`` hands them to the three. Without a ``choice``,
``roi_align`` finds the winners itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from archlab.roi import kernels, native_calls
from archlab.roi.derivatives import DERIVATIVES
from archlab.roi.geometry import Geometry, size_triples
from archlab.roi.layouts import empty_like_layout, is_channels_last
from archlab.roi.torchscript_onnx import register_symbolics
from archlab.roi.transform_levels import plain, records
from archlab.roi.vmap_rules import VMAP_RULES

_NUMBERS = "float[] scales, int[] bins, int sampling_ratio, bool aligned, str mode"
_WHERE = "Tensor boxes, Tensor? levels, Tensor? choice, Tensor? tangents"

# torch.library is not annotated.
_torch_library: Any = torch.library
LIBRARY = _torch_library.Library("archlab", "FRAGMENT")
for _schema in (
    f"roi_align(Tensor[] features, {_WHERE}, {_NUMBERS}) -> Tensor",
    f"roi_align_transposed(Tensor grad, {_WHERE}, SymInt[] sizes, bool channels_last, {_NUMBERS}) -> Tensor[]",
    f"roi_align_boxes(Tensor[] features, Tensor grad, {_WHERE}, {_NUMBERS}) -> Tensor",
    f"roi_choose(Tensor[] features, Tensor boxes, Tensor? levels, {_NUMBERS}) -> Tensor",
):
    # The tensor code asks the device how many boxes lie where: no CUDA graph may replay that.
    LIBRARY.define(_schema, tags=(torch.Tag.cudagraph_unsafe,))


def run_operators(features: list[Tensor], rois: Tensor, levels: Tensor | None, geometry: Geometry) -> Tensor:
    """Run the operators of one geometry on checked arguments: (K, C, P, Q)."""
    tensors = *features, rois, levels
    if plain(*tensors) and not records(*tensors) and native_calls.takes(features[0], None, geometry):
        return native_calls.pooled(features, rois, levels, geometry)
    out: Tensor = torch.ops.archlab.roi_align.default(features, rois, levels, None, None, *geometry.arguments)
    return out


def _align_fake(features: list[Tensor], boxes: Tensor, *rest: Any) -> Tensor:
    first, bins = features[0], rest[-4]
    shape = (boxes.shape[0], first.shape[1], bins[0], bins[1])
    return empty_like_layout(shape, first, is_channels_last(first))


def _align_transposed_fake(grad: Tensor, *rest: Any) -> list[Tensor]:
    sizes, channels_last = rest[4:6]
    return [empty_like_layout((n, grad.shape[1], h, w), grad, channels_last) for n, h, w in size_triples(sizes)]


def _align_boxes_fake(*args: Any) -> Tensor:
    boxes: Tensor = args[2]
    return boxes.new_empty(boxes.shape[0], 4)


def _choose_fake(features: list[Tensor], boxes: Tensor, *rest: Any) -> Tensor:
    return torch.empty_like(_align_fake(features, boxes, *rest), dtype=torch.int32)


def _with_triton(name: str) -> Callable[..., Any]:
    """Return what CUDA computes: by Triton, which only CUDA needs, or as any device where Triton is not installed."""

    def run(*args: Any) -> Any:
        try:
            from archlab.roi import cuda_kernels
        except ImportError:
            return getattr(kernels, name)(*args)
        return getattr(cuda_kernels, name)(*args)

    return run


def _register(name: str, everywhere: Callable[..., Any], fake: Callable[..., Any], triton: bool = False) -> None:
    LIBRARY.impl(name, everywhere, "CompositeExplicitAutograd")
    if triton:
        LIBRARY.impl(name, _with_triton(name), "CUDA")
    LIBRARY.impl(name, DERIVATIVES[name], "Autograd")
    _torch_library.register_fake(f"archlab::{name}", fake, lib=LIBRARY)
    _torch_library.register_vmap(f"archlab::{name}", VMAP_RULES[name], lib=LIBRARY)


_register("roi_align", kernels.roi_align, _align_fake, triton=True)
_register("roi_align_transposed", kernels.roi_align_transposed, _align_transposed_fake, triton=True)
_register("roi_align_boxes", kernels.roi_align_boxes, _align_boxes_fake)
_register("roi_choose", kernels.roi_choose, _choose_fake, triton=True)
register_symbolics()
