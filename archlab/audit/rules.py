"""The operators that archlab counts: one row each, from an operator's arguments and output to its arithmetic.

Operators are known by the name under which PyTorch dispatches them, without overload (``conv2d``, ``matmul``,
``scaled_dot_product_attention``; ``torchvision::`` and other libraries keep their prefix). Counts are for the whole
batch. ``norm`` and ``pool`` of the operators that fvcore knows are fvcore's numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from archlab.audit.recurrent import RECURRENT
from archlab.audit.rule import NOTHING, Args, Count, Rule, elementwise, norm, pool, product
from archlab.roi import roi_align_macs


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape)


def _bias(args: Args, position: int, out: Tensor) -> int:
    """One addition for each element of the output where the operator has a bias."""
    return out.numel() if len(args) > position and args[position] is not None else 0


# --- convolutions, linear layers, products ---------------------------------------------------------------------------


def _conv(args: Args, out: Tensor) -> Count:
    """Each output element is a dot product over one group's channels and the kernel."""
    return product(out.numel() * math.prod(args[1].shape[1:]), out, _bias(args, 2, out))


def _conv_transpose(args: Args, out: Tensor) -> Count:
    """Each input element is multiplied by one group's output channels and the kernel."""
    return product(args[0].numel() * math.prod(args[1].shape[1:]), out, _bias(args, 2, out))


def _convolution(args: Args, out: Tensor) -> Count:
    return _conv_transpose(args, out) if args[6] else _conv(args, out)


def _conv_tbc(args: Args, out: Tensor) -> Count:
    return product(out.numel() * math.prod(args[1].shape[:2]), out, out.numel())


def _deform_conv(args: Args, out: Tensor) -> Count:
    """A convolution over samples: each is interpolated from four neighbours, for every kernel position."""
    samples = args[0].shape[0] * args[0].shape[1] * math.prod(args[1].shape[2:]) * math.prod(out.shape[2:])
    count = product(out.numel() * math.prod(args[1].shape[1:]), out, out.numel())
    return count._replace(elementwise=4 * samples)


def _linear(args: Args, out: Tensor) -> Count:
    return product(out.numel() * args[1].shape[-1], out, _bias(args, 2, out))


def _matmul(args: Args, out: Tensor) -> Count:
    return product(out.numel() * (args[0].shape[-1] if args[0].dim() else 1), out)


def _sparse_or_dense(left: Tensor, out: Tensor) -> int:
    if left.layout in (torch.sparse_coo, torch.sparse_csr):
        return int(left._nnz()) * out.shape[-1]
    return out.numel() * left.shape[-1]


def _mm(args: Args, out: Tensor) -> Count:
    return product(_sparse_or_dense(args[0], out), out)


def _addmm(args: Args, out: Tensor) -> Count:
    return product(_sparse_or_dense(args[1], out), out, out.numel())


def _addbmm(args: Args, out: Tensor) -> Count:
    return product(args[1].numel() * args[2].shape[-1], out, out.numel())


def _bilinear(args: Args, out: Tensor) -> Count:
    """y = x1 A x2 + b: for each output element one product for every pair of the two inputs' features."""
    return product(out.numel() * math.prod(args[2].shape[1:]), out, _bias(args, 3, out))


def _trilinear(args: Args, out: Tensor) -> Count:
    operands = []
    for tensor, expanded in zip(args[:3], args[3:6], strict=True):
        shape = list(tensor.shape)
        for axis in sorted(expanded):
            shape.insert(axis, 1)
        operands.append(shape)
    return product(math.prod(max(sizes) for sizes in zip(*operands, strict=True)), out)


def _cdist(args: Args, out: Tensor) -> Count:
    """For each pair of points a difference, its power and a sum over the features."""
    return elementwise(3 * out.numel() * args[0].shape[-1])


# --- attention -------------------------------------------------------------------------------------------------------


def attention(query: Tensor, key: Tensor, value: Tensor, masked: bool) -> Count:
    """softmax(q kᵀ / √d) v in full, whether causal or not: what the explicit form does, and what is published.

    The queries are scaled, each score is masked where there is a mask, and a softmax takes three operations a score.
    """
    scores = math.prod(query.shape[:-1]) * key.shape[-2]
    out = math.prod(query.shape[:-1]) * value.shape[-1]
    macs = scores * (query.shape[-1] + value.shape[-1])
    return Count(macs, 0, 0, 0, query.numel() + (3 + masked) * scores, scores + out)


def _attention(args: Args, out: Tensor) -> Count:
    masked = len(args) > 3 and isinstance(args[3], Tensor)
    return attention(args[0], args[1], args[2], masked)


def _kernel_attention(args: Args, out: Tensor) -> Count:
    return attention(args[0], args[1], args[2], masked=False)


def _native_attention(args: Args, out: Any) -> Count:
    """``torch._native_multi_head_attention``: (query, key, value, embed_dim, heads, qkv_weight, qkv_bias, …)."""
    query, key = args[0], args[1]
    dim, rows, length = args[3], math.prod(query.shape[:-1]), key.shape[-2]
    scores = rows * length
    projections = rows * dim * dim * 2 + math.prod(key.shape[:-1]) * dim * dim * 2
    return Count(projections + 2 * scores * dim, 4 * rows * dim, 0, 0, 3 * scores * args[4], 0)


# --- norms, pooling, interpolation -----------------------------------------------------------------------------------


def _batch_norm(args: Args, out: Tensor) -> Count:
    """fvcore: in evaluation a scale and a shift (2), or one without an affine; in training 5 or 4."""
    affine = args[1] is not None
    training = len(args) > 5 and bool(args[5])
    return norm(args[0].numel() * ((5 if affine else 4) if training else (2 if affine else 1)))


def _affine_norm(weight: int) -> Rule:
    """fvcore: 5 for each element with an affine, else 4."""
    return lambda args, out: norm(args[0].numel() * (5 if len(args) > weight and args[weight] is not None else 4))


def _rms_norm(args: Args, out: Tensor) -> Count:
    return norm(args[0].numel() * (4 if len(args) > 2 and args[2] is not None else 3))


def _pool_over_input(args: Args, out: Any) -> Count:
    return pool(args[0].numel())


def _pool_over_kernel(args: Args, out: Any) -> Count:
    first = out[0] if isinstance(out, tuple | list) else out
    dims = first.dim() - 2 if first.dim() > 3 else 1
    kernel = args[1] if isinstance(args[1], Sequence) else [args[1]]
    return pool(first.numel() * math.prod(kernel if len(kernel) > 1 else list(kernel) * dims))


def _interpolate(per_output: int) -> Rule:
    return lambda args, out: pool(per_output * out.numel())


def _roi_align(args: Args, out: Tensor) -> Count:
    """Each bin averages a grid of samples, each interpolated from four neighbours; two a side where it is adaptive."""
    ratio = args[5] if len(args) > 5 and args[5] > 0 else 2
    return pool(4 * ratio * ratio * out.numel())


def _free(args: Args, out: Tensor) -> Count:
    """Finds the maxima that ``archlab::roi_align`` reads and counts."""
    return NOTHING


def _levels_roi_align(args: Args, out: Tensor) -> Count:
    """archlab's own, over levels: features, boxes, levels, choice, tangents, scales, bins, sampling, aligned, mode."""
    ratio, mode = args[7], args[9]
    samples = ratio if ratio > 0 else 2
    rois, channels, *bins = out.shape
    found = out.numel() if mode in ("caffe", "partition") else 0
    return pool(found + roi_align_macs(rois, channels, (bins[0], bins[1]), samples, mode, (bins[0], bins[1])))


# --- the rest --------------------------------------------------------------------------------------------------------


def _per_output(times: int) -> Rule:
    return lambda args, out: elementwise(times * _numel(out))


def _per_input(times: int) -> Rule:
    return lambda args, out: elementwise(times * _first(args).numel())


def _first(args: Args) -> Tensor:
    value = args[0]
    return value if isinstance(value, Tensor) else value[0]


def _numel(out: Any) -> int:
    return out.numel() if isinstance(out, Tensor) else sum(o.numel() for o in out if isinstance(o, Tensor))


def _moves(args: Args, out: Any) -> Count:
    return NOTHING


def _names(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: Mapping[str, Rule] = {
    **_names(_conv, "conv1d conv2d conv3d _convolution_mode mkldnn_convolution cudnn_convolution slow_conv3d"),
    **_names(_conv, "thnn_conv2d _conv_depthwise2d conv_depthwise3d slow_conv_dilated2d slow_conv_dilated3d"),
    **_names(_conv_transpose, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_names(_convolution, "convolution _convolution convolution_overrideable"),
    "conv_tbc": _conv_tbc,
    "torchvision::deform_conv2d": _deform_conv,
    **_names(_linear, "linear"),
    **_names(_matmul, "matmul bmm mv dot vdot inner _int_mm linalg_vecdot"),
    **_names(_mm, "mm _sparse_mm sspmm hspmm smm"),
    **_names(_addmm, "addmm baddbmm addmv _addmm_activation sparse_addmm _sparse_addmm"),
    "addbmm": _addbmm,
    "bilinear": _bilinear,
    "_trilinear": _trilinear,
    **_names(_cdist, "cdist _cdist_forward _euclidean_dist"),
    "scaled_dot_product_attention": _attention,
    **_names(
        _kernel_attention,
        "_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu"
        " _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention"
        " _scaled_dot_product_fused_attention_overrideable _scaled_dot_product_attention_math",
    ),
    "_native_multi_head_attention": _native_attention,
    **RECURRENT,
    **_names(_batch_norm, "batch_norm native_batch_norm _native_batch_norm_legit cudnn_batch_norm"),
    **_names(_batch_norm, "_native_batch_norm_legit_no_training _batch_norm_with_update _batch_norm_no_update"),
    **_names(_affine_norm(1), "instance_norm native_group_norm"),
    **_names(_affine_norm(2), "layer_norm native_layer_norm group_norm"),
    **_names(_rms_norm, "rms_norm _fused_rms_norm"),
    **_names(_pool_over_input, "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d"),
    **_names(_pool_over_input, "_adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d"),
    **_names(_pool_over_kernel, "max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices"),
    **_names(_pool_over_kernel, "max_pool3d_with_indices avg_pool1d avg_pool2d avg_pool3d fractional_max_pool2d"),
    **_names(_interpolate(1), "upsample_nearest1d upsample_nearest2d upsample_nearest3d max_unpool2d max_unpool3d"),
    **_names(_interpolate(1), "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d"),
    **_names(_interpolate(2), "upsample_linear1d"),
    **_names(_interpolate(4), "upsample_bilinear2d _upsample_bilinear2d_aa grid_sampler grid_sampler_2d"),
    **_names(_interpolate(8), "upsample_trilinear3d grid_sampler_3d"),
    **_names(_interpolate(16), "upsample_bicubic2d _upsample_bicubic2d_aa"),
    **_names(_roi_align, "torchvision::roi_align torchvision::ps_roi_align"),
    **_names(_interpolate(1), "torchvision::roi_pool torchvision::ps_roi_pool"),
    **_names(_levels_roi_align, "archlab::roi_align"),
    **_names(_free, "archlab::roi_choose"),
    **_names(_per_output(3), "softmax log_softmax _softmax _log_softmax softmin _safe_softmax"),
    **_names(_per_input(1), "sum mean prod amax amin max min aminmax argmax argmin any all norm linalg_vector_norm"),
    **_names(_per_input(1), "nansum nanmean count_nonzero embedding_bag _embedding_bag cumsum cumprod cummax cummin"),
    **_names(_per_input(1), "index_add scatter_add scatter_reduce segment_reduce"),
    **_names(_per_input(2), "var std logsumexp logcumsumexp linalg_norm cosine_similarity pairwise_distance"),
    **_names(_per_input(3), "var_mean std_mean"),
    **_names(_per_output(1), "glu prelu _prelu_kernel rrelu col2im native_dropout celu embedding_renorm renorm"),
    **_names(_per_output(1), "hardswish hardsigmoid hardtanh relu6 elu selu silu mish softplus softshrink hardshrink"),
    **_names(_per_output(1), "threshold lerp addcmul addcdiv dist"),
    **_names(_per_output(2), "_weight_norm _weight_norm_interface"),
    **_names(_per_output(2), "linalg_cross cross diff nll_loss mse_loss l1_loss smooth_l1_loss huber_loss"),
}  # fmt: skip
"""Operators whose arithmetic is known."""

GATHERS = frozenset({"embedding", "index", "index_select", "gather", "take", "embedding_bag"})
"""Operators that read as much of their first argument as they put out, not all of it."""
