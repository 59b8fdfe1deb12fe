"""The derivatives of the gradient to the boxes, each written as a call of the operators in ``ops``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import _SingleLevelFunction

from archlab.roi.derivative_parts import (
    gradient_to_tangents,
    moved,
    padded_to_boxes,
    plus,
    roi_align,
    roi_align_boxes,
    roi_align_transposed,
    save_for_both,
    sizes_of,
)
from archlab.roi.layouts import is_channels_last
from archlab.roi.tangents import product_rule_terms, with_direction, with_replaced
from archlab.roi.transform_levels import recorded_below, run_below

_OPS = torch.ops.archlab


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
        save_for_both(ctx, (boxes, levels, choice, tangents), rest, grad, *features)

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
            to_features = roi_align_transposed(grad, boxes, levels, choice, along, sizes_of(features), last, *rest)
        if ctx.needs_input_grad[2]:
            to_grad = roi_align(features, boxes, levels, choice, along, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = padded_to_boxes(roi_align_boxes(features, grad, boxes, levels, choice, along, *rest))
        to_tangents = gradient_to_tangents(
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
            total = plus(total, roi_align_boxes(moved(features, d_features), grad, *where, tangents, *rest))
        for more in product_rule_terms(tangents, d_boxes, d_tangents):
            total = plus(total, roi_align_boxes(features, grad, *where, more, *rest))
        assert total is not None
        return total
