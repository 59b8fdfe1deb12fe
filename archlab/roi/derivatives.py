"""Derivatives of the operators in ``ops``, each written as a call of the same operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd.forward_ad import _set_fwd_grad_enabled, unpack_dual
from torch.autograd.function import _SingleLevelFunction

from archlab.roi.layouts import is_channels_last

_OPS = torch.ops.archlab
# Not annotated in torch.
primal_part: Any = unpack_dual


def _plus(tangents: Tensor | None, direction: Tensor) -> Tensor:
    """One more direction."""
    return direction[None] if tangents is None else torch.cat([tangents, direction[None]])


def _swapped(tangents: Tensor, i: int, direction: Tensor) -> Tensor:
    """Direction i replaced."""
    return torch.cat([tangents[:i], direction[None].to(tangents.dtype), tangents[i + 1 :]])


def _without(tangents: Tensor, i: int) -> Tensor | None:
    return None if len(tangents) == 1 else torch.cat([tangents[:i], tangents[i + 1 :]])


def _to_boxes(gradient: Tensor) -> Tensor:
    """(K, 4) to (K, 5): the batch index has no gradient."""
    return torch.nn.functional.pad(gradient, (1, 0))


def _sizes(features: tuple[Tensor, ...]) -> list[int]:
    return [n for x in features for n in (x.shape[0], x.shape[2], x.shape[3])]


def _add(total: Tensor | None, term: Any) -> Any:
    return term if total is None else total + term


def _save(ctx: Any, where: tuple[Tensor | None, ...], rest: tuple[Any, ...], *tensors: Tensor) -> None:
    """Keep ``where``, which is (boxes, levels, choice, tangents), the numbers ``rest``, and some tensors."""
    ctx.rest = rest
    ctx.save_for_backward(*where, *tensors)
    ctx.save_for_forward(*where, *tensors)
    ctx.set_materialize_grads(False)


def _below(op: Any, grad_mode: tuple[bool, bool], *args: Any) -> Any:
    # A Function's forward runs with gradients off. Under nested transforms of torch.func the levels below
    # this one are still to record the operator, so they must find gradients as the caller left them.
    with (
        torch._C._AutoDispatchBelowAutograd(),
        torch.set_grad_enabled(grad_mode[0]),
        _set_fwd_grad_enabled(grad_mode[1]),
    ):
        return op(*args)


def _grad_mode() -> tuple[bool, bool]:
    return torch.is_grad_enabled(), torch._C._is_fwd_grad_enabled()


def _apply(function: Any, *args: Any) -> Any:
    # A kernel runs inside one level of torch.func's interpreters, which already has unwrapped the levels
    # above it.
    with enable_single_level_autograd_function():
        return function.apply(_grad_mode(), *args)


def _among_levels(jvp: Callable[..., Any]) -> Callable[..., Any]:
    """Let the levels of torch.func below this one record what a jvp computes, as in ``_below``.

    The saved tensors are dual at this level; their primal parts are duals of the levels below only.
    """

    def run(ctx: Any, *args: Any) -> Any:
        if not torch._C._are_functorch_transforms_active():
            return jvp(ctx, ctx.saved_tensors, *args)
        with _set_fwd_grad_enabled(True):
            saved = [x if x is None else primal_part(x).primal for x in ctx.saved_tensors]
            return jvp(ctx, saved, *args)

    return run


def _vjp_tangents(tangents: Tensor | None, needed: bool, gradient: Any) -> Tensor | None:
    """The gradient to each direction: the operator is linear in it."""
    if tangents is None or not needed:
        return None
    return torch.stack([gradient(i) for i in range(len(tangents))])


class Align(_SingleLevelFunction):
    """out = A f."""

    @staticmethod
    def forward(
        mode: Any, rest: Any, boxes: Tensor, levels: Any, choice: Any, tangents: Any, *features: Tensor
    ) -> Tensor:
        out: Tensor = _below(_OPS.roi_align, mode, list(features), boxes, levels, choice, tangents, *rest)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: Tensor) -> None:
        _, rest, boxes, levels, choice, tangents, *features = inputs
        _save(ctx, (boxes, levels, choice, tangents), rest, *features)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> Any:
        boxes, levels, choice, tangents, *features = ctx.saved_tensors
        rest = ctx.rest
        nothing = [None] * len(features)
        if grad is None:
            return None, None, None, None, None, None, *nothing
        to_boxes, to_tangents, to_features = None, None, nothing
        if any(ctx.needs_input_grad[6:]):
            last = is_channels_last(features[0])
            to_features = _OPS.roi_align_transposed(
                grad, boxes, levels, choice, tangents, _sizes(features), last, *rest
            )
        if ctx.needs_input_grad[2]:
            to_boxes = _to_boxes(_OPS.roi_align_boxes(features, grad, boxes, levels, choice, tangents, *rest))
        to_tangents = _vjp_tangents(
            tangents,
            ctx.needs_input_grad[5],
            lambda i: _OPS.roi_align_boxes(features, grad, boxes, levels, choice, _without(tangents, i), *rest),
        )
        return None, None, to_boxes, None, None, to_tangents, *to_features

    @staticmethod
    @_among_levels
    def jvp(
        ctx: Any,
        saved: Any,
        _mode: Any,
        _rest: Any,
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
            total = _OPS.roi_align(moved, boxes, levels, choice, tangents, *ctx.rest)
        for more in _directions(tangents, d_boxes, d_tangents):
            total = _add(total, _OPS.roi_align(features, boxes, levels, choice, more, *ctx.rest))
        assert total is not None
        return total


class AlignTransposed(_SingleLevelFunction):
    """A' g, one tensor per level."""

    @staticmethod
    def forward(mode: Any, rest: Any, grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any) -> Any:
        return tuple(_below(_OPS.roi_align_transposed, mode, grad, boxes, levels, choice, tangents, *rest))

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
            to_grad = _OPS.roi_align(maps, boxes, levels, choice, tangents, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = _to_boxes(_OPS.roi_align_boxes(maps, grad, boxes, levels, choice, tangents, *rest))
        to_tangents = _vjp_tangents(
            tangents,
            ctx.needs_input_grad[6],
            lambda i: _OPS.roi_align_boxes(maps, grad, boxes, levels, choice, _without(tangents, i), *rest),
        )
        return None, None, to_grad, to_boxes, None, None, to_tangents

    @staticmethod
    @_among_levels
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
        terms += [(grad, more) for more in _directions(tangents, d_boxes, d_tangents)]
        for g, along in terms:
            term = _OPS.roi_align_transposed(g, boxes, levels, choice, along, *ctx.rest)
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
        out: Tensor = _below(_OPS.roi_align_boxes, mode, list(features), grad, boxes, levels, choice, tangents, *rest)
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
        along = _plus(tangents, v)
        to_grad, to_boxes = None, None
        if any(ctx.needs_input_grad[7:]):
            last = is_channels_last(features[0])
            to_features = _OPS.roi_align_transposed(grad, boxes, levels, choice, along, _sizes(features), last, *rest)
        if ctx.needs_input_grad[2]:
            to_grad = _OPS.roi_align(features, boxes, levels, choice, along, *rest)
        if ctx.needs_input_grad[3]:
            to_boxes = _to_boxes(_OPS.roi_align_boxes(features, grad, boxes, levels, choice, along, *rest))
        to_tangents = _vjp_tangents(
            tangents,
            ctx.needs_input_grad[6],
            lambda i: _OPS.roi_align_boxes(features, grad, boxes, levels, choice, _swapped(tangents, i, v), *rest),
        )
        return None, None, to_grad, to_boxes, None, None, to_tangents, *to_features

    @staticmethod
    @_among_levels
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
            total = _OPS.roi_align_boxes(features, d_grad, *where, tangents, *rest)
        if any(d is not None for d in d_features):
            moved = [torch.zeros_like(x) if d is None else d for x, d in zip(features, d_features, strict=True)]
            total = _add(total, _OPS.roi_align_boxes(moved, grad, *where, tangents, *rest))
        for more in _directions(tangents, d_boxes, d_tangents):
            total = _add(total, _OPS.roi_align_boxes(features, grad, *where, more, *rest))
        assert total is not None
        return total


def _directions(tangents: Tensor | None, d_boxes: Tensor | None, d_tangents: Tensor | None) -> list[Tensor]:
    """The tangents of each term in which boxes and directions move."""
    terms = []
    if d_boxes is not None:
        terms.append(_plus(tangents, d_boxes[:, 1:]))
    if tangents is not None and d_tangents is not None:
        terms += [_swapped(tangents, i, d_tangents[i]) for i in range(len(tangents))]
    return terms


def _materialised(maps: tuple[Tensor | None, ...], grad: Tensor, sizes: list[int], last: bool) -> list[Tensor]:
    layout = torch.channels_last if last else torch.contiguous_format
    return [
        torch.zeros(n, grad.shape[1], h, w, dtype=grad.dtype, device=grad.device).to(memory_format=layout)
        if x is None
        else x
        for x, n, h, w in zip(maps, sizes[::3], sizes[1::3], sizes[2::3], strict=True)
    ]


def _align(features: list[Tensor], boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any) -> Any:
    return _apply(Align, rest, boxes, levels, choice, tangents, *features)


def _align_transposed(grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any) -> Any:
    return list(_apply(AlignTransposed, rest, grad, boxes, levels, choice, tangents))


def _align_boxes(
    features: list[Tensor], grad: Tensor, boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any
) -> Any:
    return _apply(AlignBoxes, rest, grad, boxes, levels, choice, tangents, *features)


def _choose(features: list[Tensor], boxes: Tensor, levels: Any, *rest: Any) -> Tensor:
    out: Tensor = _below(_OPS.roi_choose, _grad_mode(), features, boxes, levels, *rest)
    return out


DERIVATIVES: dict[str, Callable[..., Any]] = {
    "roi_align": _align,
    "roi_align_transposed": _align_transposed,
    "roi_align_boxes": _align_boxes,
    "roi_choose": _choose,
}
"""What each operator runs where gradients are recorded, by its name."""
