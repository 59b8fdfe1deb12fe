"""What the derivatives of the operators share: the operators as they call them, and what they save."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archlab.roi import native_calls
from archlab.roi.batched_gradients import takes_batched_gradients
from archlab.roi.geometry import Geometry, size_triples
from archlab.roi.transform_levels import plain

roi_align = takes_batched_gradients("roi_align")
roi_align_transposed = takes_batched_gradients("roi_align_transposed")
roi_align_boxes = takes_batched_gradients("roi_align_boxes")


def padded_to_boxes(gradient: Tensor) -> Tensor:
    """Pad (K, 4) to (K, 5): the batch index has no gradient."""
    return torch.nn.functional.pad(gradient, (1, 0))


def sizes_of(features: tuple[Tensor, ...]) -> list[int]:
    """Return (N, H, W) of each map, one after the other, as the schemas take them."""
    return [n for x in features for n in (x.shape[0], x.shape[2], x.shape[3])]


def transposed(
    grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any, sizes: Any, last: bool, *rest: Any
) -> list[Tensor]:
    """Return the operator's transpose, by the C kernels directly where nothing is recorded or transformed."""
    g = Geometry.from_arguments(*rest)
    if (
        not torch.is_grad_enabled()
        and plain(grad, boxes, levels, choice, tangents)
        and not torch._C._functorch.is_legacy_batchedtensor(grad)
        and native_calls.takes(grad, tangents, g)
    ):
        return native_calls.spread(grad, choice, boxes, levels, size_triples(sizes), last, g)
    out: list[Tensor] = roi_align_transposed(grad, boxes, levels, choice, tangents, sizes, last, *rest)
    return out


def plus(total: Tensor | None, term: Any) -> Any:
    """Return the sum so far with a term more."""
    return term if total is None else total + term


def moved(features: tuple[Tensor, ...], tangents: tuple[Tensor | None, ...]) -> list[Tensor]:
    """Return the tangent of each map, zeros in the place of those that are None."""
    return [torch.zeros_like(x) if d is None else d for x, d in zip(features, tangents, strict=True)]


def save_for_both(ctx: Any, where: tuple[Tensor | None, ...], rest: tuple[Any, ...], *tensors: Tensor) -> None:
    """Keep ``where``, which is (boxes, levels, choice, tangents), the numbers ``rest``, and some tensors."""
    ctx.rest = rest
    ctx.save_for_backward(*where, *tensors)
    ctx.save_for_forward(*where, *tensors)
    ctx.set_materialize_grads(False)


def gradient_to_tangents(tangents: Tensor | None, needed: bool, gradient: Any) -> Tensor | None:
    """Return the gradient to each direction: the operator is linear in it."""
    if tangents is None or not needed:
        return None
    return torch.stack([gradient(i) for i in range(len(tangents))])


def materialised(maps: tuple[Tensor | None, ...], grad: Tensor, sizes: list[int], last: bool) -> list[Tensor]:
    """Return the maps, zeros in the place of those that are None."""
    layout = torch.channels_last if last else torch.contiguous_format
    return [
        torch.zeros(n, grad.shape[1], h, w, dtype=grad.dtype, device=grad.device).to(memory_format=layout)
        if x is None
        else x
        for x, n, h, w in zip(maps, sizes[::3], sizes[1::3], sizes[2::3], strict=True)
    ]
