"""The table: how each of PyTorch's operators is said in the language."""

from __future__ import annotations

from collections.abc import Mapping

from archlab.lift.canonical.rules import (
    activations,
    arithmetic,
    convolutions,
    layouts,
    norms,
    opaque,
    pooling,
    resizing,
    slices,
)
from archlab.lift.canonical.rules.rule import Rule
from archlab.ops import OPAQUE


def _names(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_ACTIVATIONS = "relu relu6 silu sigmoid hardswish hardsigmoid tanh mish"
"""Those that have the same name in the language, and no arguments."""

RULES: Mapping[str, Rule] = {
    "conv2d": convolutions.conv2d,
    "conv_transpose2d": convolutions.conv_transpose2d,
    "conv1d": convolutions.conv1d,
    "linear": convolutions.linear,
    "batch_norm": norms.batch_norm,
    "group_norm": norms.group_norm,
    "layer_norm": norms.layer_norm,
    "local_response_norm": norms.local_response_norm,
    **{name: activations.activation(name) for name in _ACTIVATIONS.split()},
    "gelu": activations.gelu,
    "leaky_relu": activations.leaky_relu,
    "elu": activations.elu,
    "hardtanh": activations.hardtanh,
    "clamp": activations.clamp,
    "clip": activations.clamp,
    "clamp_min": activations.clamp,
    "prelu": activations.prelu,
    "_prelu_kernel": activations.prelu,
    **_names(activations.dropout, "dropout dropout_"),
    **_names(activations.passed_by, "feature_dropout feature_dropout_ alpha_dropout contiguous clone alias detach"),
    **_names(activations.passed_by, "detach_ to _to_copy lift_fresh type_as"),
    "max_pool2d": pooling.max_pool2d,
    "avg_pool2d": pooling.avg_pool2d,
    "adaptive_avg_pool2d": pooling.adaptive_avg_pool2d,
    "adaptive_max_pool2d": pooling.adaptive_max_pool2d,
    "mean": pooling.mean,
    "amax": pooling.amax,
    "sum": pooling.total,
    "softmax": pooling.softmax,
    **_names(layouts.view, "view reshape _unsafe_view flatten unflatten squeeze unsqueeze squeeze_ unsqueeze_"),
    **_names(layouts.view, "view_as reshape_as ravel _reshape_alias"),
    "permute": layouts.permute,
    **_names(layouts.transpose, "transpose swapaxes swapdims transpose_"),
    **_names(layouts.matrix_transposed, "t numpy_T mT"),
    **_names(layouts.movedim, "movedim moveaxis"),
    **_names(layouts.expand, "expand expand_as broadcast_to"),
    **_names(layouts.channel_shuffle, "channel_shuffle native_channel_shuffle"),
    **_names(slices.chunks, "chunk split split_with_sizes unsafe_chunk unsafe_split tensor_split"),
    "unbind": slices.unbind,
    "select": slices.select,
    "slice": slices.sliced,
    "narrow": slices.narrow,
    **_names(slices.cat, "cat concat concatenate"),
    "stack": slices.stack,
    "add": arithmetic.add,
    "sub": arithmetic.sub,
    "rsub": arithmetic.rsub,
    "neg": arithmetic.neg,
    "mul": arithmetic.mul,
    "div": arithmetic.div,
    "upsample_nearest2d": resizing.nearest,
    "upsample_bilinear2d": resizing.bilinear,
    OPAQUE: opaque.opaque,
    **_names(resizing.pad, "constant_pad_nd pad"),
}  # fmt: skip
"""Each by the operator's name without namespace, overload and the underscore of in-place ones."""
