"""The derivatives of A f and of its transpose A' g, each written as a call of the operators in ``ops``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import _SingleLevelFunction

from archlab.roi.derivative_parts import (
    gradient_to_tangents,
    materialised,
    moved,
    padded_to_boxes,
    plus,
    roi_align,
    roi_align_boxes,
    roi_align_transposed,
    save_for_both,
    sizes_of,
    transposed,
)
from archlab.roi.layouts import is_channels_last
from archlab.roi.tangents import product_rule_terms, without
from archlab.roi.transform_levels import recorded_below, run_below

_OPS = torch.ops.archlab


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
        save_for_both(ctx, (boxes, levels, choice, tangents), rest, *features)

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
            to_features = transposed(grad, boxes, levels, choice, tangents, sizes_of(features), last, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = padded_to_boxes(roi_align_boxes(features, grad, boxes, levels, choice, tangents, *rest))
        to_tangents = gradient_to_tangents(
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
            total = roi_align(moved(features, d_features), boxes, levels, choice, tangents, *ctx.rest)
        for more in product_rule_terms(tangents, d_boxes, d_tangents):
            total = plus(total, roi_align(features, boxes, levels, choice, more, *ctx.rest))
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
        save_for_both(ctx, (boxes, levels, choice, tangents), rest, grad)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Any:
        boxes, levels, choice, tangents, grad = ctx.saved_tensors
        sizes, last, *rest = ctx.rest
        maps = materialised(cotangents, grad, sizes, last)
        to_grad, to_boxes = None, None
        if ctx.needs_input_grad[2]:
            to_grad = roi_align(maps, boxes, levels, choice, tangents, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = padded_to_boxes(roi_align_boxes(maps, grad, boxes, levels, choice, tangents, *rest))
        to_tangents = gradient_to_tangents(
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
