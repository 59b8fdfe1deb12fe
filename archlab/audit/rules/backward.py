"""The rules of what autograd runs: each factor of a product has a gradient, which is a product of the same size."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule


def conv_backward(args: Args, out: Any) -> Counts:
    """Count ``aten::convolution_backward``: (gradient, input, weight, …, transposed, …, mask of wanted gradients)."""
    gradient, taken, weight, transposed, wanted = args[0], args[1], args[2], args[7], args[10]
    macs = (taken if transposed else gradient).numel() * math.prod(weight.shape[1:])
    return Counts(macs * (bool(wanted[0]) + bool(wanted[1])), bias=gradient.numel() if wanted[2] else 0)


def attention_backward(args: Args, out: Any) -> Counts:
    """Count a kernel's: (gradient, query, key, value, …). It computes the scores again, and four products of them."""
    query, key, value = args[1], args[2], args[3]
    scores = math.prod(query.shape[:-1]) * key.shape[-2]
    return Counts(scores * (3 * query.shape[-1] + 2 * value.shape[-1]), elementwise=5 * scores)


def norm_backward(position: int) -> Rule:
    """Make the rule of a norm's: 8 operations for each element of the input, which is at a position."""
    return lambda args, out: Counts(norm=8 * args[position].numel())


def pool_backward(args: Args, out: Any) -> Counts:
    """Count pooling's and interpolation's: one addition for each element of the gradient."""
    return Counts(pool=args[0].numel())


def gradient_added(args: Args, out: Any) -> Counts:
    """Count what adds each element of the gradient to where it was looked up."""
    return Counts(elementwise=args[0].numel())


def of_outputs(args: Args, out: Any) -> Counts:
    """Count any other operator of autograd's: one operation for each element of a gradient that it puts out."""
    parts = [out] if isinstance(out, Tensor) else [t for t in out if isinstance(t, Tensor)]
    return Counts(elementwise=sum(part.numel() for part in parts))
