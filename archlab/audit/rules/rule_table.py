"""The operators that archlab counts, one row each: an operator of your own gets its row here.

Operators are known by the name under which PyTorch dispatches them, without overload (``conv2d``, ``matmul``,
``scaled_dot_product_attention``; ``torchvision::`` and other libraries keep their prefix). In-place operators have the
row of their plain form. Counts are for the whole batch. An operator that stands in neither ``RULES`` nor
``NO_ARITHMETIC`` is counted by its tags (pointwise, reduction, view), by its pieces, or shown as not counted.
"""

from __future__ import annotations

from collections.abc import Mapping

from archlab.audit.rules.products import (
    addbmm,
    addmm,
    attention,
    bilinear,
    conv,
    conv_either_way,
    conv_tbc,
    conv_transpose,
    deform_conv,
    kernel_attention,
    linear,
    matmul,
    mm,
    native_attention,
    trilinear,
)
from archlab.audit.rules.recurrent import cell, layer
from archlab.audit.rules.reductions import (
    affine_norm,
    batch_norm,
    distances,
    interpolate,
    pool_over_input,
    pool_over_kernel,
    rms_norm,
    roi_align,
    roi_align_over_levels,
)
from archlab.audit.rules.rule import Rule, no_arithmetic, per_input, per_output


def _names(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: Mapping[str, Rule] = {
    **_names(conv, "conv1d conv2d conv3d _convolution_mode mkldnn_convolution cudnn_convolution slow_conv3d"),
    **_names(conv, "thnn_conv2d _conv_depthwise2d conv_depthwise3d slow_conv_dilated2d slow_conv_dilated3d"),
    **_names(conv_transpose, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_names(conv_either_way, "convolution _convolution convolution_overrideable"),
    "conv_tbc": conv_tbc,
    "torchvision::deform_conv2d": deform_conv,
    **_names(linear, "linear"),
    **_names(matmul, "matmul bmm mv dot vdot inner _int_mm linalg_vecdot"),
    **_names(mm, "mm _sparse_mm sspmm hspmm smm"),
    **_names(addmm, "addmm baddbmm addmv _addmm_activation sparse_addmm _sparse_addmm"),
    "addbmm": addbmm,
    "bilinear": bilinear,
    "_trilinear": trilinear,
    **_names(distances, "cdist _cdist_forward _euclidean_dist"),
    "scaled_dot_product_attention": attention,
    **_names(
        kernel_attention,
        "_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu"
        " _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention"
        " _scaled_dot_product_fused_attention_overrideable _scaled_dot_product_attention_math flex_attention",
    ),
    "_native_multi_head_attention": native_attention,
    # A gate is a sum and its activation; what joins the gates is less than one more for each.
    **_names(layer(3), "lstm gru rnn_tanh rnn_relu"),
    **_names(cell(3), "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"),
    **_names(batch_norm, "batch_norm native_batch_norm _native_batch_norm_legit cudnn_batch_norm"),
    **_names(batch_norm, "_native_batch_norm_legit_no_training _batch_norm_with_update _batch_norm_no_update"),
    **_names(affine_norm(1), "instance_norm native_group_norm"),
    **_names(affine_norm(2), "layer_norm native_layer_norm group_norm"),
    **_names(rms_norm, "rms_norm _fused_rms_norm"),
    **_names(pool_over_input, "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d"),
    **_names(pool_over_input, "_adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d"),
    **_names(pool_over_kernel, "max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices"),
    **_names(pool_over_kernel, "max_pool3d_with_indices avg_pool1d avg_pool2d avg_pool3d fractional_max_pool2d"),
    **_names(interpolate(1), "upsample_nearest1d upsample_nearest2d upsample_nearest3d max_unpool2d max_unpool3d"),
    **_names(interpolate(1), "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d"),
    **_names(interpolate(2), "upsample_linear1d"),
    **_names(interpolate(4), "upsample_bilinear2d _upsample_bilinear2d_aa grid_sampler grid_sampler_2d"),
    **_names(interpolate(8), "upsample_trilinear3d grid_sampler_3d"),
    **_names(interpolate(16), "upsample_bicubic2d _upsample_bicubic2d_aa"),
    **_names(roi_align, "torchvision::roi_align torchvision::ps_roi_align"),
    **_names(interpolate(1), "torchvision::roi_pool torchvision::ps_roi_pool"),
    **_names(roi_align_over_levels, "archlab::roi_align"),
    **_names(no_arithmetic, "archlab::roi_choose"),
    **_names(per_output(3), "softmax log_softmax _softmax _log_softmax softmin _safe_softmax"),
    **_names(per_input(1), "sum mean prod amax amin max min aminmax argmax argmin any all norm linalg_vector_norm"),
    **_names(per_input(1), "nansum nanmean count_nonzero embedding_bag _embedding_bag cumsum cumprod cummax cummin"),
    **_names(per_input(1), "index_add scatter_add scatter_reduce segment_reduce"),
    **_names(per_input(2), "var std logsumexp logcumsumexp linalg_norm cosine_similarity pairwise_distance"),
    **_names(per_input(3), "var_mean std_mean"),
    **_names(per_output(1), "glu prelu _prelu_kernel rrelu col2im native_dropout celu embedding_renorm renorm"),
    **_names(per_output(1), "hardswish hardsigmoid hardtanh relu6 elu selu silu mish softplus softshrink hardshrink"),
    **_names(per_output(1), "threshold lerp addcmul addcdiv dist"),
    **_names(per_output(2), "_weight_norm _weight_norm_interface"),
    **_names(per_output(2), "linalg_cross cross diff nll_loss mse_loss l1_loss smooth_l1_loss huber_loss"),
}  # fmt: skip
"""Operators whose arithmetic is known."""

GATHERS = frozenset({"embedding", "index", "index_select", "gather", "take", "embedding_bag"})
"""Operators that read as much of their first argument as they put out, not all of it."""

_WITHOUT_ARITHMETIC = """
view reshape _reshape_alias flatten unflatten squeeze unsqueeze transpose t permute movedim moveaxis swapaxes
swapdims expand expand_as view_as select slice narrow split split_with_sizes unsafe_split chunk unsafe_chunk unbind
diagonal as_strided detach detach_ alias contiguous clone to _to_copy type_as copy_ copy lift_fresh lift numpy_T mT
mH adjoint view_as_real view_as_complex real imag tensor_split hsplit vsplit dsplit unfold atleast_1d atleast_2d
atleast_3d squeeze_ unsqueeze_ transpose_ t_ resize_ resize_as_ set_ set_data ravel reshape_as numel size stride cat
concat concatenate stack hstack vstack dstack column_stack pad constant_pad_nd _pad_enum reflection_pad1d
reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d _pad_circular roll flip
rot90 repeat repeat_interleave tile meshgrid broadcast_tensors broadcast_to index index_select index_put index_put_
_index_put_impl_ index_copy index_copy_ index_fill index_fill_ gather scatter scatter_ masked_select masked_fill
masked_fill_ masked_scatter masked_scatter_ where take take_along_dim put_ select_scatter slice_scatter
diagonal_scatter diag diag_embed diagonal_copy tril triu tril_ triu_ tril_indices triu_indices embedding one_hot
im2col pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle dropout dropout_ alpha_dropout
feature_dropout feature_alpha_dropout sort argsort topk kthvalue msort unique _unique _unique2 unique_dim
unique_consecutive nonzero nonzero_static nonzero_numpy searchsorted bucketize isin histc bincount median nanmedian
mode torchvision::nms empty empty_like empty_strided empty_permuted new_empty new_empty_strided new_zeros new_ones
new_full new_tensor zeros zeros_like ones ones_like full full_like arange linspace logspace eye scalar_tensor zero_
fill_ fill rand rand_like randn randn_like randint randint_like randperm normal normal_ uniform_ bernoulli
bernoulli_ multinomial random_ exponential_ hann_window hamming_window _local_scalar_dense item is_nonzero equal
allclose _assert_async _assert_tensor_metadata _functional_sym_constrain_range sym_constrain_range is_same_size
_nested_tensor_from_mask _nested_tensor_from_tensor_list _has_compatible_shallow_copy_type requires_grad_
retain_grad _pack_padded_sequence _pad_packed_sequence data is_floating_point is_complex resolve_conj resolve_neg
conj _conj _neg_view result_type can_cast _sparse_coo_tensor_unsafe lift_fresh_copy cartesian_prod combinations
block_diag view_copy expand_copy chalf _fw_primal _make_dual
"""

NO_ARITHMETIC = frozenset(_WITHOUT_ARITHMETIC.split())
"""Operators that only move, make, compare or select values, views among them; in-place ones with their underscore."""
