"""The table: one row each, with its signature, shape rule, parameter rule and MAC rule."""

from __future__ import annotations

from archlab.ir import numel
from archlab.ops.arguments import channels, slide
from archlab.ops.convolutions import (
    channel_conv_attrs,
    conv_attrs,
    conv_macs,
    conv_weights,
    standardised_attrs,
    standardised_other,
    standardised_weights,
    transposed_attrs,
    transposed_macs,
    transposed_shape,
    transposed_weights,
)
from archlab.ops.joins import add_shape, cat_shape, mul_shape, slice_attrs, slice_shape, sub_shape, upsample_like_shape
from archlab.ops.opaque import OPAQUE, opaque_attrs, opaque_shape, opaque_stride, opaque_weights
from archlab.ops.resizing import (
    interpolation_name,
    interpolation_other,
    max_pool_attrs,
    mean_pool_attrs,
    pad_attrs,
    pad_shape,
    resize_attrs,
    resize_shape,
    slid,
    spread,
    upsample_attrs,
    upsample_shape,
    upsample_stride,
)
from archlab.ops.roi import roi_attrs, roi_shape
from archlab.ops.row import MANY, REQUIRED, TWO, Op
from archlab.ops.rules import (
    adaptive_attrs,
    affine,
    batch_norm_attrs,
    batch_norm_other,
    dropout_attrs,
    elu_attrs,
    ends,
    factor_attrs,
    flatten_shape,
    gap_attrs,
    gelu_attrs,
    group_norm_attrs,
    group_sum_attrs,
    group_sum_shape,
    hardtanh_attrs,
    layer_norm_attrs,
    linear_attrs,
    linear_weights,
    lrn_attrs,
    prelu_attrs,
    running,
    scale_attrs,
    shuffle_attrs,
    slope_attrs,
    softmax_attrs,
)

_CONV = {"c": REQUIRED, "k": 3, "s": 1, "g": 1, "d": 1, "p": "same", "bias": 0}
_TRANSPOSED = {"c": REQUIRED, "k": 2, "s": 2, "g": 1, "d": 1, "p": 0, "out": 0, "bias": 0}
_ROI = dict.fromkeys(("n", "canonical", "rois", "strides"), REQUIRED)
_LEVELS_AND_BOXES = MANY[1:]
_POOL = {"k": REQUIRED, "s": 0, "p": "same", "ceil": 0}
_OPAQUE = {"name": REQUIRED, "takes": REQUIRED, "out": 0, "params": 0, "macs": 0}
_INTERPOLATION = {"mode": "nearest", "align": 0}

CONVOLUTIONS = frozenset({"conv2d", "wsconv2d", "conv_transpose"})
"""The operators whose weights are filters over places."""

STRETCHING = frozenset({"add", "sub", "mul"})
"""The operators in which an input of 1 along an axis is as long as the others."""

OPS: dict[str, Op] = {
    "conv2d": Op(_CONV, conv_attrs, lambda x, a: (a["out_channels"], *slide(x, a)), conv_weights,
                 macs=conv_macs, fvcore="conv", stride=slid),
    # A convolution whose filters are made to mean 0 and variance 1 (weight standardisation, arXiv:1903.10520), with a
    # learned gain times gamma over the root of the fan-in (arXiv:2101.08692); as timm's StdConv2d and ScaledStdConv2d.
    "wsconv2d": Op({**_CONV, "eps": 0.000001, "gain": 0, "gamma": 1}, standardised_attrs,
                   lambda x, a: (a["out_channels"], *slide(x, a)), standardised_weights, macs=conv_macs,
                   other=standardised_other, fvcore="conv", fvcore_other=lambda a: "batch_norm", stride=slid),
    "conv_transpose": Op(_TRANSPOSED, transposed_attrs, transposed_shape, transposed_weights,
                         macs=transposed_macs, fvcore="conv", stride=spread),
    # One filter over the channels of a 1x1 map (ECA, arXiv:1910.03151).
    "channel_conv": Op({"k": 3}, channel_conv_attrs, weights=lambda x, a: {"weight": (1, 1, a["kernel"])},
                       macs=lambda x, y, a: a["kernel"] * numel(y), fvcore="conv", stride=ends),
    "linear": Op({"n": REQUIRED, "bias": 1}, linear_attrs, lambda x, a: (a["out_features"],), linear_weights,
                 macs=lambda x, y, a: a["in_features"] * a["out_features"], fvcore="linear", stride=ends),
    "bn": Op({"eps": 0.00001, "momentum": 0.1, "affine": 1}, batch_norm_attrs, weights=affine, buffers=running,
             other=batch_norm_other, fvcore="batch_norm"),
    "gn": Op({"g": REQUIRED, "eps": 0.00001}, group_norm_attrs, weights=affine,
             other=lambda x, y, a: 5 * numel(y), fvcore="group_norm"),
    # Over the channels of each position (ConvNeXt, arXiv:2201.03545), or over features.
    "ln": Op({"eps": 0.00001}, layer_norm_attrs, weights=affine,
             other=lambda x, y, a: 5 * numel(y), fvcore="layer_norm"),
    # Local response normalisation over n channels (AlexNet, section 3.3), as torch: alpha is divided by n.
    "lrn": Op({"n": 5, "alpha": 0.0001, "beta": 0.75, "k": 2}, lrn_attrs),
    # A learned factor for each channel (layer scale, arXiv:2103.17239).
    "scale": Op({"init": 0.000001}, scale_attrs, weights=lambda x, a: {"weight": (channels(x), 1, 1)}),
    "factor": Op({"x": REQUIRED}, factor_attrs),
    "offset": Op({"x": REQUIRED}, factor_attrs),
    "relu": Op({}),
    "relu6": Op({}),
    "leaky_relu": Op({"slope": 0.01}, slope_attrs),
    "elu": Op({"alpha": 1}, elu_attrs),
    "gelu": Op({"approximate": "none"}, gelu_attrs),
    "silu": Op({}),
    "mish": Op({}),
    "hardswish": Op({}),
    "sigmoid": Op({}),
    "hardsigmoid": Op({}),
    "tanh": Op({}),
    "hardtanh": Op({"lo": -1, "hi": 1}, hardtanh_attrs),
    "prelu": Op({"shared": 0}, prelu_attrs,
                weights=lambda x, a: {"weight": (1 if a.get("shared") else channels(x),)}),
    # Groups of the channels against each other, at each place (selective kernels, arXiv:1903.06586), and their sum.
    "softmax": Op({"g": 0}, softmax_attrs),
    "group_sum": Op({"g": REQUIRED}, group_sum_attrs, group_sum_shape),
    "maxpool": Op({**_POOL, "d": 1}, max_pool_attrs, lambda x, a: (channels(x), *slide(x, a)), stride=slid),
    "avgpool": Op({**_POOL, "count_pad": 1}, mean_pool_attrs, lambda x, a: (channels(x), *slide(x, a)), stride=slid),
    "gap": Op({}, gap_attrs, lambda x, a: (channels(x), 1, 1),
              other=lambda x, y, a: numel(x[0]), fvcore="adaptive_avg_pool2d", stride=ends),
    "gmp": Op({}, gap_attrs, lambda x, a: (channels(x), 1, 1), stride=ends),
    "adaptive_avgpool": Op({"n": REQUIRED}, adaptive_attrs, lambda x, a: (channels(x), *a["size"]),
                           other=lambda x, y, a: numel(x[0]), fvcore="adaptive_avg_pool2d", stride=ends),
    "pad2d": Op(dict.fromkeys(("top", "bottom", "left", "right"), 0), pad_attrs, pad_shape),
    "upsample": Op({"scale": 2, **_INTERPOLATION}, upsample_attrs, upsample_shape, other=interpolation_other,
                   fvcore="upsample", fvcore_other=interpolation_name, stride=upsample_stride),
    "resize": Op({"size": REQUIRED, **_INTERPOLATION, "mode": "bilinear"}, resize_attrs, resize_shape,
                 other=interpolation_other, fvcore="upsample", fvcore_other=interpolation_name, stride=ends),
    # The first input at the size of the second, which need not be a multiple (a pyramid's top-down path).
    "upsample_like": Op({}, shape=upsample_like_shape, other=lambda x, y, a: numel(y), fvcore="upsample_nearest2d",
                        arity=TWO, joins=True),
    "flatten": Op({}, shape=flatten_shape, stride=ends, view=True),
    "dropout": Op({"p": 0.5}, dropout_attrs, view=True),
    "shuffle": Op({"g": REQUIRED}, shuffle_attrs),
    "slice": Op({"start": REQUIRED, "stop": REQUIRED}, slice_attrs, slice_shape, view=True),
    # A module of another network, which the language cannot say: what it costs, and which one it is.
    OPAQUE: Op({**_OPAQUE, "layout": 0, "out_layout": 0}, opaque_attrs, opaque_shape, opaque_weights,
               macs=lambda x, y, a: int(a["macs"]), stride=opaque_stride),
    # Each box on the level of a pyramid that suits its size, into n x n bins (arXiv:1703.06870; arXiv:1504.08083). A
    # bilinear sample is four multiply-accumulates, but no convolution: `other`. A maximum has none.
    "roi_align": Op({**_ROI, "sampling": REQUIRED, "aligned": REQUIRED}, roi_attrs, roi_shape,
                    other=lambda x, y, a: 4 * a["sampling"] ** 2 * numel(y), fvcore="roi_align", stride=ends,
                    arity=_LEVELS_AND_BOXES, joins=True),
    "roi_pool": Op(_ROI, roi_attrs, roi_shape, stride=ends, arity=_LEVELS_AND_BOXES, joins=True),
    "add": Op({}, shape=add_shape, arity=MANY, joins=True),
    "sub": Op({}, shape=sub_shape, arity=TWO, joins=True),
    "mul": Op({}, shape=mul_shape, arity=MANY, joins=True),
    "cat": Op({}, shape=cat_shape, arity=MANY, joins=True),
}  # fmt: skip
