"""Derivatives of the operators in ``ops``, each written as a call of the same operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import _SingleLevelFunction

from archlab.roi import native_calls
from archlab.roi.batched_gradients import takes_batched_gradients
from archlab.roi.geometry import LINEAR_MODES, Geometry, size_triples
from archlab.roi.layouts import is_channels_last
from archlab.roi.tangents import product_rule_terms, with_direction, with_replaced, without
from archlab.roi.transform_levels import apply_function, grad_mode, plain, recorded_below, records, run_below

_OPS = torch.ops.archlab

roi_align = takes_batched_gradients("roi_align")
roi_align_transposed = takes_batched_gradients("roi_align_transposed")
roi_align_boxes = takes_batched_gradients("roi_align_boxes")


def _to_boxes(gradient: Tensor) -> Tensor:
    """Pad (K, 4) to (K, 5): the batch index has no gradient."""
    return torch.nn.functional.pad(gradient, (1, 0))


def _sizes(features: tuple[Tensor, ...]) -> list[int]:
    return [n for x in features for n in (x.shape[0], x.shape[2], x.shape[3])]


def _transposed(
    grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any, sizes: Any, last: bool, *rest: Any
) -> list[Tensor]:
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


def _add(total: Tensor | None, term: Any) -> Any:
    return term if total is None else total + term


def _save(ctx: Any, where: tuple[Tensor | None, ...], rest: tuple[Any, ...], *tensors: Tensor) -> None:
    """Keep ``where``, which is (boxes, levels, choice, tangents), the numbers ``rest``, and some tensors."""
    ctx.rest = rest
    ctx.save_for_backward(*where, *tensors)
    ctx.save_for_forward(*where, *tensors)
    ctx.set_materialize_grads(False)


def _gradient_to_tangents(tangents: Tensor | None, needed: bool, gradient: Any) -> Tensor | None:
    """Return the gradient to each direction: the operator is linear in it."""
    if tangents is None or not needed:
        return None
    return torch.stack([gradient(i) for i in range(len(tangents))])


class Align(_SingleLevelFunction):
    """out = A f; ``ready`` holds it where it is known already."""

    @staticmethod
    def forward(
        mode: Any, rest: Any, ready: Any, boxes: Tensor, levels: Any, choice: Any, tangents: Any, *features: Tensor
    ) -> Tensor:
        if ready:
            known: Tensor = ready[0]
            return known
        out: Tensor = run_below(_OPS.roi_align.default, mode, list(features), boxes, levels, choice, tangents, *rest)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: Tensor) -> None:
        _, rest, _, boxes, levels, choice, tangents, *features = inputs
        _save(ctx, (boxes, levels, choice, tangents), rest, *features)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> Any:
        boxes, levels, choice, tangents, *features = ctx.saved_tensors
        rest = ctx.rest
        nothing: Any = [None] * len(features)
        if grad is None:
            return None, None, None, None, None, None, None, *nothing
        to_boxes, to_tangents, to_features = None, None, nothing
        if any(ctx.needs_input_grad[7:]):
            last = is_channels_last(features[0])
            to_features = _transposed(grad, boxes, levels, choice, tangents, _sizes(features), last, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = _to_boxes(roi_align_boxes(features, grad, boxes, levels, choice, tangents, *rest))
        to_tangents = _gradient_to_tangents(
            tangents,
            ctx.needs_input_grad[6],
            lambda i: roi_align_boxes(features, grad, boxes, levels, choice, without(tangents, i), *rest),
        )
        return None, None, None, to_boxes, None, None, to_tangents, *to_features

    @staticmethod
    @recorded_below
    def jvp(
        ctx: Any,
        saved: Any,
        _mode: Any,
        _rest: Any,
        _ready: Any,
        d_boxes: Any,
        _l: Any,
        _c: Any,
        d_tangents: Any,
        *d_features: Any,
    ) -> Tensor:
        boxes, levels, choice, tangents, *features = saved
        total: Tensor | None = None
        if any(d is not None for d in d_features):
            moved = [torch.zeros_like(x) if d is None else d for x, d in zip(features, d_features, strict=True)]
            total = roi_align(moved, boxes, levels, choice, tangents, *ctx.rest)
        for more in product_rule_terms(tangents, d_boxes, d_tangents):
            total = _add(total, roi_align(features, boxes, levels, choice, more, *ctx.rest))
        assert total is not None
        return total


class AlignTransposed(_SingleLevelFunction):
    """A' g, one tensor per level."""

    @staticmethod
    def forward(mode: Any, rest: Any, grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any) -> Any:
        return tuple(run_below(_OPS.roi_align_transposed.default, mode, grad, boxes, levels, choice, tangents, *rest))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: Any) -> None:
        _, rest, grad, boxes, levels, choice, tangents = inputs
        _save(ctx, (boxes, levels, choice, tangents), rest, grad)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Any:
        boxes, levels, choice, tangents, grad = ctx.saved_tensors
        sizes, last, *rest = ctx.rest
        maps = _materialised(cotangents, grad, sizes, last)
        to_grad, to_boxes = None, None
        if ctx.needs_input_grad[2]:
            to_grad = roi_align(maps, boxes, levels, choice, tangents, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = _to_boxes(roi_align_boxes(maps, grad, boxes, levels, choice, tangents, *rest))
        to_tangents = _gradient_to_tangents(
            tangents,
            ctx.needs_input_grad[6],
            lambda i: roi_align_boxes(maps, grad, boxes, levels, choice, without(tangents, i), *rest),
        )
        return None, None, to_grad, to_boxes, None, None, to_tangents

    @staticmethod
    @recorded_below
    def jvp(
        ctx: Any,
        saved: Any,
        _mode: Any,
        _rest: Any,
        d_grad: Any,
        d_boxes: Any,
        _l: Any,
        _c: Any,
        d_tangents: Any,
    ) -> Any:
        boxes, levels, choice, tangents, grad = saved
        total: list[Tensor] | None = None
        terms = [] if d_grad is None else [(d_grad, tangents)]
        terms += [(grad, more) for more in product_rule_terms(tangents, d_boxes, d_tangents)]
        for g, along in terms:
            term = roi_align_transposed(g, boxes, levels, choice, along, *ctx.rest)
            total = term if total is None else [a + b for a, b in zip(total, term, strict=True)]
        assert total is not None
        return tuple(total)


class AlignBoxes(_SingleLevelFunction):
    """The gradient q of g · A f to the boxes; v · q is g · A_v f, A_v being A's derivative along v."""

    @staticmethod
    def forward(
        mode: Any,
        rest: Any,
        grad: Tensor,
        boxes: Tensor,
        levels: Any,
        choice: Any,
        tangents: Any,
        *features: Tensor,
    ) -> Tensor:
        out: Tensor = run_below(
            _OPS.roi_align_boxes.default, mode, list(features), grad, boxes, levels, choice, tangents, *rest
        )
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: Tensor) -> None:
        _, rest, grad, boxes, levels, choice, tangents, *features = inputs
        _save(ctx, (boxes, levels, choice, tangents), rest, grad, *features)

    @staticmethod
    def backward(ctx: Any, v: Tensor | None) -> Any:
        boxes, levels, choice, tangents, grad, *features = ctx.saved_tensors
        rest = ctx.rest
        to_features: list[Tensor | None] = [None] * len(features)
        if v is None:
            return None, None, None, None, None, None, None, *to_features
        along = with_direction(tangents, v)
        to_grad, to_boxes = None, None
        if any(ctx.needs_input_grad[7:]):
            last = is_channels_last(features[0])
            to_features = roi_align_transposed(grad, boxes, levels, choice, along, _sizes(features), last, *rest)
        if ctx.needs_input_grad[2]:
            to_grad = roi_align(features, boxes, levels, choice, along, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = _to_boxes(roi_align_boxes(features, grad, boxes, levels, choice, along, *rest))
        to_tangents = _gradient_to_tangents(
            tangents,
            ctx.needs_input_grad[6],
            lambda i: roi_align_boxes(features, grad, boxes, levels, choice, with_replaced(tangents, i, v), *rest),
        )
        return None, None, to_grad, to_boxes, None, None, to_tangents, *to_features

    @staticmethod
    @recorded_below
    def jvp(
        ctx: Any,
        saved: Any,
        _mode: Any,
        _rest: Any,
        d_grad: Any,
        d_boxes: Any,
        _l: Any,
        _c: Any,
        d_tangents: Any,
        *d_features: Any,
    ) -> Tensor:
        boxes, levels, choice, tangents, grad, *features = saved
        where, rest = (boxes, levels, choice), ctx.rest
        total: Tensor | None = None
        if d_grad is not None:
            total = roi_align_boxes(features, d_grad, *where, tangents, *rest)
        if any(d is not None for d in d_features):
            moved = [torch.zeros_like(x) if d is None else d for x, d in zip(features, d_features, strict=True)]
            total = _add(total, roi_align_boxes(moved, grad, *where, tangents, *rest))
        for more in product_rule_terms(tangents, d_boxes, d_tangents):
            total = _add(total, roi_align_boxes(features, grad, *where, more, *rest))
        assert total is not None
        return total


def _materialised(maps: tuple[Tensor | None, ...], grad: Tensor, sizes: list[int], last: bool) -> list[Tensor]:
    layout = torch.channels_last if last else torch.contiguous_format
    return [
        torch.zeros(n, grad.shape[1], h, w, dtype=grad.dtype, device=grad.device).to(memory_format=layout)
        if x is None
        else x
        for x, n, h, w in zip(maps, sizes[::3], sizes[1::3], sizes[2::3], strict=True)
    ]


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
