"""The operators that archlab counts, one row each: an operator of your own gets its row here.

Operators are known by the name under which PyTorch dispatches them, without overload (``conv2d``, ``matmul``,
``scaled_dot_product_attention``; ``torchvision::`` and other libraries keep their prefix). In-place operators have the
row of their plain form. Counts are for the whole batch. An operator that stands in neither ``RULES`` nor
``NO_ARITHMETIC`` is counted by its tags (pointwise, reduction, view), by its pieces, or shown as not counted.
"""

from __future__ import annotations

from collections.abc import Mapping

from archlab.audit.rules.backward import (
    attention_backward,
    conv_backward,
    gradient_added,
    norm_backward,
    pool_backward,
)
from archlab.audit.rules.linear_algebra import (
    cholesky,
    eigen,
    exponential,
    fft,
    inverse,
    lu,
    of_matrices,
    qr,
    solve,
    svd,
    symmetric_eigen,
)
from archlab.audit.rules.packed_weights import (
    last_axis,
    quantized_cell,
    quantized_layer,
    quantized_norm,
    quantized_recurrent,
    quantized_transposed,
)
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
    grouped_mm,
    kernel_attention,
    linear,
    matmul,
    native_attention,
    sampled_addmm,
    trilinear,
)
from archlab.audit.rules.recurrent import cell, layer
from archlab.audit.rules.reductions import (
    accumulated,
    affine_norm,
    batch_norm,
    ctc_loss,
    distances,
    embedding_bag,
    interpolate,
    pool_over_input,
    pool_over_kernel,
    rms_norm,
    roi_align,
    roi_align_over_levels,
    scattered,
)
from archlab.audit.rules.rule import Rule, no_arithmetic, per_argument, per_input, per_output


def _names(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


def _quantized(rule: Rule, names: str) -> dict[str, Rule]:
    return {f"quantized::{name}": rule for name in names.split()}


RULES: Mapping[str, Rule] = {
    **_names(conv, "conv1d conv2d conv3d _convolution_mode mkldnn_convolution cudnn_convolution slow_conv3d"),
    **_names(conv, "thnn_conv2d _conv_depthwise2d conv_depthwise3d slow_conv_dilated2d slow_conv_dilated3d"),
    **_names(conv_transpose, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_names(conv_either_way, "convolution _convolution convolution_overrideable"),
    "conv_tbc": conv_tbc,
    "torchvision::deform_conv2d": deform_conv,
    **_names(linear, "linear"),
    **_names(matmul, "matmul bmm mv dot vdot inner _int_mm linalg_vecdot mm _sparse_mm sspmm hspmm smm"),
    **_names(matmul, "_scaled_mm _scaled_mm_v2 _sparse_sparse_matmul _sparse_mm_reduce_impl"),
    "_grouped_mm": grouped_mm(3),
    "_scaled_grouped_mm": grouped_mm(5),
    "_scaled_grouped_mm_v2": grouped_mm(8),
    **_names(last_axis, "_weight_int8pack_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu mkldnn_linear"),
    **_names(last_axis, "_weight_int4pack_mm_with_scales_and_zeros _dyn_quant_matmul_4bit _mixed_dtypes_linear"),
    **_quantized(quantized_layer, "linear linear_relu linear_leaky_relu linear_tanh linear_dynamic"),
    **_quantized(quantized_layer, "conv1d conv2d conv3d conv1d_relu conv2d_relu conv3d_relu conv2d_add"),
    **_quantized(quantized_layer, "conv2d_add_relu conv1d_dynamic conv2d_dynamic conv3d_dynamic"),
    **_quantized(quantized_layer, "linear_relu_dynamic linear_dynamic_fp16 linear_relu_dynamic_fp16"),
    **_quantized(quantized_transposed, "conv_transpose1d conv_transpose2d conv_transpose3d conv_transpose2d_dynamic"),
    **_quantized(per_output(1), "add add_relu add_scalar add_scalar_relu mul mul_relu mul_scalar mul_scalar_relu"),
    **_quantized(per_output(1), "hardswish leaky_relu relu6 elu celu sigmoid threshold clamp prelu cat_relu"),
    **_quantized(per_output(3), "softmax"),
    **_quantized(quantized_norm(2), "batch_norm batch_norm1d batch_norm2d batch_norm3d batch_norm_relu"),
    **_quantized(quantized_norm(2), "batch_norm1d_relu batch_norm2d_relu batch_norm3d_relu"),
    **_quantized(quantized_norm(5), "layer_norm group_norm instance_norm"),
    **_quantized(pool_over_kernel, "max_pool1d max_pool2d"),
    **_quantized(no_arithmetic, "cat dropout linear_prepack conv1d_prepack conv2d_prepack conv3d_prepack"),
    **_quantized(no_arithmetic, "linear_unpack conv1d_unpack conv2d_unpack conv3d_unpack"),
    **_names(addmm, "addmm baddbmm addmv _addmm_activation sparse_addmm _sparse_addmm"),
    **_names(sampled_addmm, "sparse_sampled_addmm"),
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
    **_names(conv_backward, "convolution_backward convolution_backward_overrideable"),
    **_names(
        attention_backward,
        "_scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu_backward"
        " _scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward"
        " _scaled_dot_product_fused_attention_overrideable_backward",
    ),
    **_names(norm_backward(1), "native_batch_norm_backward batch_norm_backward native_layer_norm_backward"),
    **_names(norm_backward(1), "native_group_norm_backward _fused_rms_norm_backward cudnn_batch_norm_backward"),
    **_names(pool_backward, "max_pool2d_with_indices_backward max_pool3d_with_indices_backward avg_pool2d_backward"),
    **_names(pool_backward, "avg_pool3d_backward _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward"),
    **_names(pool_backward, "adaptive_max_pool2d_backward upsample_nearest2d_backward upsample_bilinear2d_backward"),
    **_names(per_output(3), "_softmax_backward_data _log_softmax_backward_data"),
    **_names(gradient_added, "embedding_dense_backward index_backward"),
    **_names(no_arithmetic, "select_backward slice_backward diagonal_backward unfold_backward"),
    # A gate is a sum and its activation; what joins the gates is less than one more for each.
    **_names(layer(3), "lstm gru rnn_tanh rnn_relu"),
    **_names(cell(3), "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"),
    **_names(quantized_recurrent(3), "quantized_lstm quantized_gru"),
    **_quantized(quantized_cell(3), "quantized_lstm_cell_dynamic quantized_gru_cell_dynamic"),
    **_quantized(quantized_cell(3), "quantized_rnn_tanh_cell_dynamic quantized_rnn_relu_cell_dynamic"),
    **_names(batch_norm, "batch_norm native_batch_norm _native_batch_norm_legit cudnn_batch_norm"),
    **_names(batch_norm, "_native_batch_norm_legit_no_training _batch_norm_with_update _batch_norm_no_update"),
    **_names(affine_norm(1), "instance_norm native_group_norm"),
    **_names(affine_norm(2), "layer_norm native_layer_norm group_norm"),
    **_names(rms_norm, "rms_norm _fused_rms_norm"),
    **_names(fft, "_fft_c2c _fft_r2c _fft_c2r"),
    **_names(of_matrices(lu), "_linalg_det _linalg_slogdet linalg_lu linalg_lu_factor_ex linalg_ldl_factor_ex"),
    **_names(of_matrices(cholesky), "linalg_cholesky_ex"),
    **_names(of_matrices(inverse), "linalg_inv_ex cholesky_inverse"),
    **_names(of_matrices(qr), "linalg_qr geqrf linalg_householder_product"),
    **_names(of_matrices(svd), "_linalg_svd linalg_pinv"),
    **_names(of_matrices(symmetric_eigen), "_linalg_eigh"),
    **_names(of_matrices(eigen), "linalg_eig linalg_eigvals _linalg_eigvals"),
    **_names(of_matrices(exponential), "linalg_matrix_exp"),
    **_names(solve(2 / 3, 0, 1), "_linalg_solve_ex linalg_lstsq"),
    **_names(solve(0, 0, 1, substitutions=1), "linalg_solve_triangular"),
    **_names(solve(0, 1, 0, substitutions=1), "triangular_solve"),
    **_names(solve(0, 1, 0), "cholesky_solve _cholesky_solve_helper"),
    **_names(solve(0, 0, 2), "linalg_lu_solve"),
    **_names(ctc_loss, "_ctc_loss _cudnn_ctc_loss"),
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
    **_names(per_input(1), "nansum nanmean count_nonzero cumsum cumprod cummax cummin"),
    **_names(per_input(1), "segment_reduce trace native_norm hash_tensor histogram _sparse_sum _sparse_csr_sum"),
    **_names(per_argument(3), "index_add scatter_add scatter_reduce index_reduce"),
    "scatter": scattered,
    **_names(accumulated, "index_put _index_put_impl _unsafe_index_put put"),
    **_names(embedding_bag, "embedding_bag _embedding_bag _embedding_bag_forward_only"),
    **_names(per_input(2), "var std logsumexp logcumsumexp linalg_norm cosine_similarity pairwise_distance"),
    **_names(per_input(3), "var_mean std_mean"),
    **_names(per_output(1), "glu prelu _prelu_kernel rrelu col2im native_dropout celu embedding_renorm renorm"),
    **_names(per_output(1), "hardswish hardsigmoid hardtanh relu6 elu selu silu mish softplus softshrink hardshrink"),
    **_names(per_output(1), "floor_divide remainder dequantize quantize_per_tensor quantize_per_channel isinf isnan"),
    **_names(per_output(1), "quantize_per_tensor_dynamic _add_relu _conj_physical polar log_sigmoid_forward"),
    **_names(per_output(1), "rrelu_with_noise binary_cross_entropy binary_cross_entropy_with_logits nll_loss_forward"),
    **_names(per_output(1), "nll_loss2d_forward soft_margin_loss affine_grid_generator _masked_scale _fused_dropout"),
    **_names(per_input(1), "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask"),
    **_names(per_input(1), "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams"),
    **_names(per_input(1), "_fused_moving_avg_obs_fq_helper _fused_moving_avg_obs_fq_helper_functional"),
    **_names(per_input(1), "_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine"),
    **_names(per_output(3), "_masked_softmax _sparse_softmax _sparse_log_softmax"),
    **_names(per_output(1), "threshold lerp addcmul addcdiv dist"),
    **_names(per_output(2), "_weight_norm _weight_norm_interface"),
    **_names(per_output(2), "linalg_cross cross diff nll_loss mse_loss l1_loss smooth_l1_loss huber_loss"),
}  # fmt: skip
"""Operators whose arithmetic is known."""

FILLS = frozenset({"new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like"})
"""Operators of which a tensor gives the form and no value."""

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
rot90 repeat repeat_interleave tile meshgrid broadcast_tensors broadcast_to index index_select
index_copy index_copy_ index_fill index_fill_ gather masked_select masked_fill
masked_fill_ masked_scatter masked_scatter_ where take take_along_dim select_scatter slice_scatter
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
block_diag view_copy expand_copy chalf _fw_primal _make_dual _is_all_true _is_any_true _unsafe_view _reshape_copy
_pin_memory is_pinned record_stream is_set_to _has_same_storage_numel _lazy_clone _efficientzerotensor _print
_assert_scalar _functional_assert_async _functional_assert_scalar _functional_sym_constrain_range_for_size
sym_constrain_range_for_size _make_dep_token _validate_compressed_sparse_indices _fused_sdp_choice
_unsafe_index _unsafe_masked_index _stack _chunk_cat unsafe_split_with_sizes as_strided_scatter
unique_dim_consecutive lu_unpack _linalg_check_errors int_repr q_scale q_zero_point q_per_channel_scales
q_per_channel_zero_points q_per_channel_axis qscheme _make_per_tensor_quantized_tensor
_make_per_channel_quantized_tensor _empty_affine_quantized _empty_per_channel_affine_quantized empty_quantized
sparse_coo_tensor sparse_compressed_tensor _sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors
_sparse_compressed_tensor_with_dims _to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc _to_dense
to_mkldnn _coalesce _coalesced is_coalesced _nnz sparse_dim dense_dim sparse_mask _sparse_mask_projection
sparse_resize sparse_resize_and_clear resize_as_sparse copy_sparse_to_sparse _convert_indices_from_coo_to_csr
_convert_indices_from_csr_to_coo _spdiags complex resize resize_as set uniform random exponential_ cauchy geometric
log_normal poisson binomial _standard_gamma _sample_dirichlet normal_functional range bartlett_window blackman_window
kaiser_window fft_fftfreq fft_rfftfreq from_file to_padded_tensor _nested_from_padded _nested_from_padded_tensor
_nested_tensor_size _nested_tensor_strides _nested_tensor_storage_offsets _nested_get_offsets _nested_get_lengths
_nested_get_ragged_idx _nested_get_min_seqlen _nested_get_max_seqlen _nested_get_jagged_dummy
_nested_compute_contiguous_strides_offsets _nested_tensor_from_mask_left_aligned _jagged_to_padded_dense_forward
_padded_dense_to_jagged_forward _convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu
_dyn_quant_pack_4bit_weight mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight _mkldnn_reshape
_mkldnn_transpose _cslt_compress _to_sparse_semi_structured shallow_copy_data zero
"""

NO_ARITHMETIC = frozenset(_WITHOUT_ARITHMETIC.split())
"""Operators that only move, make, compare or select values, views among them; in-place ones with their underscore."""
