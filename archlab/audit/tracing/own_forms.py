"""Forms of outputs that PyTorch's own kernels without data refuse to tell, though the operator runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def own_form(name: str, args: Sequence[Any]) -> Tensor | None:
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


_FORMS: dict[str, Callable[[Sequence[Any]], Tensor]] = {"_grouped_mm": _grouped}
