"""Forms of outputs that PyTorch's own kernels without data refuse to tell, though the operator runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Form = Tensor | tuple[Tensor, ...]


def own_form(name: str, args: Sequence[Any]) -> Form | None:
    """Return an output without data for an operator that has its form here; None for any other."""
    form = _FORMS.get(name)
    return None if form is None else form(args)


def _grouped(args: Sequence[Any]) -> Tensor:
    """Return a grouped product's: the kernel without data takes bfloat16 alone, the processor's any type."""
    left, right = args[0], args[1]
    rows, columns = left.shape[-2], right.shape[-1]
    shape: tuple[int, ...] = (rows, columns)
    if left.dim() == right.dim() == 2:
        shape = (args[2].shape[0], rows, columns)
    elif left.dim() == right.dim() == 3:
        shape = (left.shape[0], rows, columns)
    dtype = args[4] if len(args) > 4 and args[4] is not None else left.dtype
    return torch.empty(shape, dtype=dtype, device="meta")


def _ctc_loss(args: Sequence[Any]) -> Tensor:
    """Return the losses of a batch, (T, N, C), one by one where nothing reduces them; its kernel looks at lengths."""
    scores, reduction = args[0], args[5]
    return torch.empty(scores.shape[1:-1] if reduction == 0 else (), dtype=scores.dtype, device="meta")


def _ctc_losses(args: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """Return the losses, and what the backward pass takes: (N, T, 2 S + 1) for targets of S labels at most."""
    scores, targets = args[0], args[1]
    steps, *batch, _ = scores.shape
    return scores.new_empty(batch), scores.new_empty(*batch, steps, 2 * targets.shape[-1] + 1)


_FORMS: dict[str, Callable[[Sequence[Any]], Form]] = {
    "_grouped_mm": _grouped,
    "ctc_loss": _ctc_loss,
    "_ctc_loss": _ctc_losses,
    "_ctc_loss_backward": lambda args: torch.empty_like(args[1]),
}


def form_with_sparse(name: str, args: Sequence[Any]) -> Tensor | None:
    """Return the output without data of a product of a sparse and a dense matrix, which is dense; None for any other.

    No kernel without data takes these two; what a sparse matrix stores does not matter for the form.
    """
    if name == "linear":
        taken, weight = args[0], args[1]
        shape = (*taken.shape[:-1], weight.shape[0])
    elif name in _PRODUCTS:
        taken, weight = args[:2] if name in _TWO else args[1:3]
        if not (taken.layout is torch.strided or weight.layout is torch.strided or taken.is_meta):
            return None
        shape = (*taken.shape[:-1], *(weight.shape[-1:] if weight.dim() > 1 else ()))
    elif name in ("to_dense", "_to_dense"):
        taken, shape = args[0], args[0].shape
    else:
        return None
    return torch.empty(shape, dtype=taken.dtype, device="meta")


_TWO = ("matmul", "mm", "bmm", "mv", "_sparse_mm")
_PRODUCTS = (*_TWO, "addmm", "addmv", "_sparse_addmm", "sparse_addmm")
