"""Operators without arithmetic: views, and what only moves, makes, compares or selects values."""

from __future__ import annotations

_NAMES = """
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

MOVES = frozenset(_NAMES.split())
"""Their names, without overload; those of in-place operators with their underscore."""
