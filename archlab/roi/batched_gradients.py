"""Operators under ``is_grads_batched`` of ``torch.autograd``, and what uses it: ``jacobian(vectorize=True)``.

These hide a batch in a tensor as ``torch.vmap`` once did, and know no rule for an operator that takes or gives lists of
tensors. Here the batch is taken out, given to ``torch.vmap`` of today, and hidden again in the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

# Not annotated in torch.
_C: Any = torch._C
_remove_batch_dim: Any = torch._remove_batch_dim
_add_batch_dim: Any = torch._add_batch_dim


def takes_batched_gradients(name: str) -> Callable[..., Any]:
    """Return the operator of this name, which then also takes tensors with a hidden batch."""

    def run(*args: Any) -> Any:
        operator = getattr(torch.ops.archlab, name).default
        if not any(_is_batched(x) for x in args):
            return operator(*args)
        leaves, form = pytree.tree_flatten(list(args))
        batched = [i for i, x in enumerate(leaves) if _is_batched(x)]
        level = _C._vmapmode_increment_nesting() - 1
        _C._vmapmode_decrement_nesting()
        plain = [_remove_batch_dim(leaves[i], level, 0, 0) for i in batched]

        def one(*some: Tensor) -> Any:
            filled = list(leaves)
            for i, x in zip(batched, some, strict=True):
                filled[i] = x
            return operator(*pytree.tree_unflatten(filled, form))

        out = torch.vmap(one)(*plain)
        return pytree.tree_map(lambda x: _add_batch_dim(x, 0, level), out)

    return run


def _is_batched(value: Any) -> bool:
    if isinstance(value, Tensor):
        return bool(_C._functorch.is_legacy_batchedtensor(value))
    return isinstance(value, list | tuple) and any(_is_batched(x) for x in value)
