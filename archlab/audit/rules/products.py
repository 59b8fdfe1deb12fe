"""The rules of what has MACs: convolutions, linear layers, matrix products and attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule, bias_of, product
from archlab.audit.rules.sparse import sparse_pairs, stored

# --- convolutions ------------------------------------------------------------------------------------------------


def conv(args: Args, out: Tensor) -> Counts:
    """Count a convolution: each output element is a dot product over one group's channels and the kernel."""
    return product(out.numel() * math.prod(args[1].shape[1:]), out, bias_of(args, 2, out))


def conv_transpose(args: Args, out: Tensor) -> Counts:
    """Count a transposed one: each input element is multiplied by one group's output channels and the kernel."""
    return product(args[0].numel() * math.prod(args[1].shape[1:]), out, bias_of(args, 2, out))


def conv_either_way(args: Args, out: Tensor) -> Counts:
    """Count ``aten::convolution``, whose seventh argument says whether it is transposed."""
    return conv_transpose(args, out) if args[6] else conv(args, out)


def conv_tbc(args: Args, out: Tensor) -> Counts:
    """Count a convolution over (time, batch, channels), which always has a bias."""
    return product(out.numel() * math.prod(args[1].shape[:2]), out, out.numel())


def deform_conv(args: Args, out: Tensor) -> Counts:
    """Count a convolution over samples: each is interpolated from four neighbours, for every kernel position."""
    samples = args[0].shape[0] * args[0].shape[1] * math.prod(args[1].shape[2:]) * math.prod(out.shape[2:])
    return product(out.numel() * math.prod(args[1].shape[1:]), out, out.numel()) + Counts(elementwise=4 * samples)


# --- linear layers and matrix products ---------------------------------------------------------------------------


def linear(args: Args, out: Tensor) -> Counts:
    """Count a linear layer: (input, weight, bias), of a sparse weight each stored element once for each row."""
    weight = args[1]
    dense = weight.layout is torch.strided or weight.is_meta
    macs = out.numel() * weight.shape[-1] if dense else stored(weight) * (out.numel() // max(1, weight.shape[0]))
    return product(macs, out, bias_of(args, 2, out))


def matmul(args: Args, out: Tensor) -> Counts:
    """Count a product over the last axis of the first, of which either may be sparse."""
    return product(_dense_or_sparse(args[0], args[1], out), out)


def addmm(args: Args, out: Tensor) -> Counts:
    """Count a product that is added to the first argument."""
    return product(_dense_or_sparse(args[1], args[2], out), out, out.numel())


def grouped_mm(bias: int) -> Rule:
    """Make the rule of the products of a mixture of experts: (left, right, …), each expert's rows with its matrix.

    Where both are matrices, it is the inner axis that is divided among the groups, and each has an output of its own.
    """

    def rule(args: Args, out: Tensor) -> Counts:
        groups = out.shape[0] if args[0].dim() == args[1].dim() == 2 else 1
        return product(out.numel() // max(1, groups) * args[0].shape[-1], out, bias_of(args, bias, out))

    return rule


def addbmm(args: Args, out: Tensor) -> Counts:
    """Count a batch of products that are all added up."""
    return product(args[1].numel() * args[2].shape[-1], out, out.numel())


def bilinear(args: Args, out: Tensor) -> Counts:
    """Count y = x1 A x2 + b: for each output element one product for every pair of the two inputs' features."""
    return product(out.numel() * math.prod(args[2].shape[1:]), out, bias_of(args, 3, out))


def trilinear(args: Args, out: Tensor) -> Counts:
    """Count ``aten::_trilinear``: three operands, each with axes that it is expanded along."""
    operands = []
    for tensor, expanded in zip(args[:3], args[3:6], strict=True):
        shape = list(tensor.shape)
        for axis in sorted(expanded):
            shape.insert(axis, 1)
        operands.append(shape)
    return product(math.prod(max(sizes) for sizes in zip(*operands, strict=True)), out)


def sampled_addmm(args: Args, out: Tensor) -> Counts:
    """Count a product computed only where a sparse matrix stores an element: (sampled, left, right, …)."""
    sampled, left = args[0], args[1]
    wanted = out.numel() if sampled.is_meta else stored(sampled)
    return product(wanted * left.shape[-1], out, wanted)


def _dense_or_sparse(left: Tensor, right: Tensor, out: Tensor) -> int:
    """Return the MACs of a product; each stored element of a sparse matrix is multiplied once for each vector.

    Of two sparse matrices, by as many as the other stores in the row that it meets. A sparse matrix without values is
    counted as if it stored all.
    """
    sparse = [t for t in (left, right) if t.layout is not torch.strided]
    if not sparse or any(t.is_meta for t in sparse):
        return out.numel() * (left.shape[-1] if left.dim() else 1)
    if len(sparse) == 2:
        return sparse_pairs(left, right)
    if sparse[0] is left:
        return stored(left) * (right.shape[-1] if right.dim() > 1 else 1)
    return stored(right) * (left.shape[-2] if left.dim() > 1 else 1)


# --- attention ---------------------------------------------------------------------------------------------------


def scaled_dot_product(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Counts:
    """Count softmax(q kᵀ / √d) v in full, whether causal or not: what the explicit form does, and what is published.

    The queries are scaled, each score is masked where there is a mask, and a softmax takes three operations per score.
    Scores are computed for the batch of query and key, and multiplied with values for that of mask and values too.
    """
    scored = _batch(query.shape[:-2], key.shape[:-2])
    masked = scored if mask is None else _batch(scored, mask.shape[:-2])
    pairs = query.shape[-2] * key.shape[-2]
    weighted = math.prod(_batch(masked, value.shape[:-2]))
    scores = math.prod(scored) * pairs
    macs = scores * query.shape[-1] + weighted * pairs * value.shape[-1]
    softmax = (3 + (mask is not None)) * math.prod(masked) * pairs
    out = weighted * query.shape[-2] * value.shape[-1]
    return Counts(macs, elementwise=query.numel() + softmax, activations=scores + out)


def _batch(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    """Return the batch over which both are broadcast; several heads of the first may share one of the other."""
    try:
        return torch.broadcast_shapes(one, other)  # type: ignore[no-untyped-call,no-any-return]
    except RuntimeError:
        return (*_batch(one[:-1], other[:-1]), one[-1])


def attention(args: Args, out: Tensor) -> Counts:
    """Count ``scaled_dot_product_attention``: (query, key, value, mask, …)."""
    mask = args[3] if len(args) > 3 and isinstance(args[3], Tensor) else None
    return scaled_dot_product(args[0], args[1], args[2], mask)


def kernel_attention(args: Args, out: Any) -> Counts:
    """Count a kernel of it, or flex attention: (query, key, value, …) without a mask as a tensor."""
    return scaled_dot_product(args[0], args[1], args[2], None)


def native_attention(args: Args, out: Any) -> Counts:
    """Count ``torch._native_multi_head_attention``: (query, key, value, embed_dim, heads, qkv_weight, qkv_bias, …)."""
    query, key = args[0], args[1]
    dim, rows, length = args[3], math.prod(query.shape[:-1]), key.shape[-2]
    scores = rows * length
    projections = rows * dim * dim * 2 + math.prod(key.shape[:-1]) * dim * dim * 2
    return Counts(projections + 2 * scores * dim, bias=4 * rows * dim, elementwise=3 * scores * args[4])
