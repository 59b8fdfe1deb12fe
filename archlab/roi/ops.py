"""The registered operators ``archlab::roi_*``: schemas, shapes, kernels, derivatives and batching.

For fixed boxes RoI align is linear in the features: out = A f. Three operators close under differentiation:

- ``roi_align``             A f
- ``roi_align_transposed``  A' g
- ``roi_align_boxes``       the gradient of g · A f to the boxes

Each takes ``tangents`` v_1 … v_n (n, K, 4), and then stands for the n-th derivative of A along them in A's
place. So the derivative of any of the three, along or against anything, is again one of the three:
backward, double backward, jvp and their compositions need nothing else. A maximum is linear too once the
winners are known: ``roi_choose`` finds them, and ``choice`` hands them to the three.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from archlab.roi import choose as winners
from archlab.roi import select, sparse
from archlab.roi.geometry import MODES, Geometry, RoIError

_NUMBERS = "float[] scales, int[] bins, int sampling_ratio, bool aligned, str mode"
_WHERE = "Tensor boxes, Tensor? levels, Tensor? choice, Tensor? tangents"

# torch.library is not annotated.
_torch_library: Any = torch.library
LIBRARY = _torch_library.Library("archlab", "FRAGMENT")
LIBRARY.define(f"roi_align(Tensor[] features, {_WHERE}, {_NUMBERS}) -> Tensor")
LIBRARY.define(
    f"roi_align_transposed(Tensor grad, {_WHERE}, SymInt[] sizes, bool channels_last, {_NUMBERS}) -> Tensor[]"
)
LIBRARY.define(f"roi_align_boxes(Tensor[] features, Tensor grad, {_WHERE}, {_NUMBERS}) -> Tensor")
LIBRARY.define(f"roi_choose(Tensor[] features, Tensor boxes, Tensor? levels, {_NUMBERS}) -> Tensor")

Numbers = tuple[Sequence[float], Sequence[int], int, bool, str]


def numbers(g: Geometry) -> tuple[list[float], list[int], int, bool, str]:
    """A geometry as the schemas take it."""
    return g.flat_scales, list(g.bins), g.sampling_ratio, g.aligned, g.mode


def geometry_of(scales: Sequence[float], bins: Sequence[int], ratio: int, aligned: bool, mode: str) -> Geometry:
    if mode not in MODES or len(bins) != 2 or len(scales) % 2:
        raise RoIError(f"mode {mode!r}, bins {list(bins)} and {len(scales)} scales are not an RoI operator's")
    pairs = tuple(zip(scales[::2], scales[1::2], strict=True))
    return Geometry(pairs, (bins[0], bins[1]), ratio, aligned, mode)


def triples(sizes: Sequence[int]) -> list[tuple[int, int, int]]:
    return list(zip(sizes[::3], sizes[1::3], sizes[2::3], strict=True))


def check(boxes: Tensor, levels: Tensor | None, count: int, g: Geometry) -> None:
    """What keeps a kernel inside its memory even when the operator is called directly."""
    if boxes.dim() != 2 or boxes.shape[1] != 5 or boxes.dtype not in (torch.float32, torch.float64):
        raise RoIError(f"boxes must be (K, 5) in float32 or float64, not {tuple(boxes.shape)} in {boxes.dtype}")
    if len(g.scales) != count or (levels is None and count != 1):
        raise RoIError(f"{count} maps, {len(g.scales)} scales: one of each per level, and levels if more than one")


def align(
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor | None,
    choice: Tensor | None,
    tangents: Tensor | None,
    *rest: Any,
) -> Tensor:
    g = geometry_of(*rest)
    check(boxes, levels, len(features), g)
    if choice is None:
        return sparse.align(features, boxes, levels, tangents, g)
    return select.align(features, choice, boxes, levels, tangents, g)


def align_transposed(
    grad: Tensor,
    boxes: Tensor,
    levels: Tensor | None,
    choice: Tensor | None,
    tangents: Tensor | None,
    sizes: Sequence[int],
    channels_last: bool,
    *rest: Any,
) -> list[Tensor]:
    g = geometry_of(*rest)
    each = triples(sizes)
    check(boxes, levels, len(each), g)
    if choice is None:
        return sparse.align_transposed(grad, boxes, levels, tangents, each, channels_last, g)
    return select.align_transposed(grad, choice, boxes, levels, tangents, each, channels_last, g)


def align_boxes(
    features: list[Tensor],
    grad: Tensor,
    boxes: Tensor,
    levels: Tensor | None,
    choice: Tensor | None,
    tangents: Tensor | None,
    *rest: Any,
) -> Tensor:
    g = geometry_of(*rest)
    check(boxes, levels, len(features), g)
    if choice is None:
        return sparse.align_boxes(features, grad, boxes, levels, tangents, g)
    return select.align_boxes(features, grad, choice, boxes, levels, tangents, g)


def choose(features: list[Tensor], boxes: Tensor, levels: Tensor | None, *rest: Any) -> Tensor:
    g = geometry_of(*rest)
    check(boxes, levels, len(features), g)
    return winners.choose(features, boxes, levels, g)


def _align_fake(features: list[Tensor], boxes: Tensor, *rest: Any) -> Tensor:
    first, bins = features[0], rest[-4]
    shape = (boxes.shape[0], first.shape[1], bins[0], bins[1])
    return sparse.empty_like_layout(shape, first, sparse.is_channels_last(first))


def _align_transposed_fake(grad: Tensor, *rest: Any) -> list[Tensor]:
    sizes, channels_last = rest[4:6]
    return [sparse.empty_like_layout((n, grad.shape[1], h, w), grad, channels_last) for n, h, w in triples(sizes)]


def _align_boxes_fake(*args: Any) -> Tensor:
    boxes: Tensor = args[2]
    return boxes.new_empty(boxes.shape[0], 4)


def _choose_fake(features: list[Tensor], boxes: Tensor, *rest: Any) -> Tensor:
    return torch.empty_like(_align_fake(features, boxes, *rest), dtype=torch.int32)


def _on_cuda(name: str) -> Callable[..., Any]:
    """A kernel that imports Triton on its first call, and not before."""

    def kernel(*args: Any) -> Any:
        return getattr(importlib.import_module("archlab.roi.cuda"), name)(*args)

    return kernel


for _name, _kernel, _fake, _cuda in (
    ("roi_align", align, _align_fake, _on_cuda("roi_align")),
    ("roi_align_transposed", align_transposed, _align_transposed_fake, _on_cuda("roi_align_transposed")),
    ("roi_align_boxes", align_boxes, _align_boxes_fake, align_boxes),
    ("roi_choose", choose, _choose_fake, choose),
):
    LIBRARY.impl(_name, _kernel, "CPU")
    LIBRARY.impl(_name, _cuda, "CUDA")
    _torch_library.register_fake(f"archlab::{_name}", _fake, lib=LIBRARY)
