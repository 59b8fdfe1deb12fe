"""The table: one row each, with its signature, shape rule, parameter rule and MAC rule."""

from __future__ import annotations

from fractions import Fraction

from archlab.ir import numel
from archlab.ops.arguments import channels, slide
from archlab.ops.joins import add_shape, cat_shape, mul_shape, slice_shape, upsample_like_shape
from archlab.ops.roi import roi_attrs, roi_shape
from archlab.ops.row import MANY, REQUIRED, TWO, Op
from archlab.ops.rules import (
    adaptive_attrs,
    affine,
    conv_attrs,
    conv_macs,
    conv_weights,
    dropout_attrs,
    ends,
    flatten_shape,
    gap_attrs,
    group_norm_attrs,
    layer_norm_attrs,
    linear_attrs,
    linear_weights,
    lrn_attrs,
    norm_attrs,
    pool_attrs,
    running,
    scale_attrs,
    shuffle_attrs,
    slid,
    slope_attrs,
    upsample_attrs,
    upsample_shape,
)

_CONV = {"c": REQUIRED, "k": 3, "s": 1, "g": 1, "d": 1, "p": "same", "bias": 0}
_ROI = dict.fromkeys(("n", "canonical", "rois", "strides"), REQUIRED)
_LEVELS_AND_BOXES = MANY[1:]
_POOL = {"k": REQUIRED, "s": 0, "p": "same", "ceil": 0}

OPS: dict[str, Op] = {
    "conv2d": Op(_CONV, conv_attrs, lambda x, a: (a["out_channels"], *slide(x, a)), conv_weights,
                 macs=conv_macs, fvcore="conv", stride=slid),
    "linear": Op({"n": REQUIRED, "bias": 1}, linear_attrs, lambda x, a: (a["out_features"],), linear_weights,
                 macs=lambda x, y, a: a["in_features"] * a["out_features"], fvcore="linear", stride=ends),
    # In eval mode an affine batch norm is a scale and a shift: fvcore counts two.
    "bn": Op({"eps": 0.00001, "momentum": 0.1}, norm_attrs, weights=affine, buffers=running,
             other=lambda x, y, a: 2 * numel(y), fvcore="batch_norm"),
    "gn": Op({"g": REQUIRED}, group_norm_attrs, weights=affine,
             other=lambda x, y, a: 5 * numel(y), fvcore="group_norm"),
    # Over the channels of each position (ConvNeXt, arXiv:2201.03545).
    "ln": Op({"eps": 0.00001}, layer_norm_attrs, weights=affine,
             other=lambda x, y, a: 5 * numel(y), fvcore="layer_norm"),
    # Local response normalisation over n channels (AlexNet, section 3.3), as torch: alpha is divided by n.
    "lrn": Op({"n": 5, "alpha": 0.0001, "beta": 0.75, "k": 2}, lrn_attrs),
    # A learned factor for each channel (layer scale, arXiv:2103.17239).
    "scale": Op({"init": 0.000001}, scale_attrs, weights=lambda x, a: {"weight": (channels(x), 1, 1)}),
    "relu": Op({}),
    "relu6": Op({}),
    "leaky_relu": Op({"slope": 0.01}, slope_attrs),
    "elu": Op({}),
    "gelu": Op({}),
    "silu": Op({}),
    "mish": Op({}),
    "hardswish": Op({}),
    "sigmoid": Op({}),
    "hardsigmoid": Op({}),
    "tanh": Op({}),
    "prelu": Op({}, lambda x, a: {"channels": channels(x)}, weights=lambda x, a: {"weight": (channels(x),)}),
    "maxpool": Op(_POOL, pool_attrs, lambda x, a: (channels(x), *slide(x, a)), stride=slid),
    "avgpool": Op(_POOL, pool_attrs, lambda x, a: (channels(x), *slide(x, a)), stride=slid),
    "gap": Op({}, gap_attrs, lambda x, a: (channels(x), 1, 1),
              other=lambda x, y, a: numel(x[0]), fvcore="adaptive_avg_pool2d", stride=ends),
    "adaptive_avgpool": Op({"n": REQUIRED}, adaptive_attrs, lambda x, a: (channels(x), *a["size"]),
                           other=lambda x, y, a: numel(x[0]), fvcore="adaptive_avg_pool2d", stride=ends),
    "upsample": Op({"scale": 2}, upsample_attrs, upsample_shape,
                   other=lambda x, y, a: numel(y), fvcore="upsample_nearest2d",
                   stride=lambda a: (Fraction(1, a["scale"]), Fraction(1, a["scale"]))),
    # The first input at the size of the second, which need not be a multiple (a pyramid's top-down path).
    "upsample_like": Op({}, shape=upsample_like_shape, other=lambda x, y, a: numel(y), fvcore="upsample_nearest2d",
                        arity=TWO, joins=True),
    "flatten": Op({}, shape=flatten_shape, stride=ends, view=True),
    "dropout": Op({"p": 0.5}, dropout_attrs, view=True),
    "shuffle": Op({"g": REQUIRED}, shuffle_attrs),
    "slice": Op({"start": REQUIRED, "stop": REQUIRED}, shape=slice_shape, view=True, joins=True),
    # Each box on the level of a pyramid that suits its size, into n x n bins (arXiv:1703.06870; arXiv:1504.08083). A
    # bilinear sample is four multiply-accumulates, but no convolution: `other`. A maximum has none.
    "roi_align": Op({**_ROI, "sampling": REQUIRED, "aligned": REQUIRED}, roi_attrs, roi_shape,
                    other=lambda x, y, a: 4 * a["sampling"] ** 2 * numel(y), fvcore="roi_align", stride=ends,
                    arity=_LEVELS_AND_BOXES, joins=True),
    "roi_pool": Op(_ROI, roi_attrs, roi_shape, stride=ends, arity=_LEVELS_AND_BOXES, joins=True),
    "add": Op({}, shape=add_shape, arity=MANY, joins=True),
    "mul": Op({}, shape=mul_shape, arity=MANY, joins=True),
    "cat": Op({}, shape=cat_shape, arity=MANY, joins=True),
}  # fmt: skip
