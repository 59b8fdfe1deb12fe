"""The operators elsewhere: one row each, with what it is in ONNX and how Python constructs its torch module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlab.exchange.constructors import (
    Argument,
    Arguments,
    channels_first,
    convolution_arguments,
    in_order,
    linear_arguments,
    max_pool_arguments,
    mean_pool_arguments,
    pad_arguments,
    standardised_arguments,
    tidy,
    transposed_arguments,
    upsample_arguments,
    with_defaults,
)
from archlab.exchange.onnx_convolutions import channel_convolution, convolution, standardised, transposed
from archlab.exchange.onnx_nodes import (
    Write,
    adaptive_pooling,
    batch_norm,
    bounded,
    group_norm,
    group_softmax,
    group_sum,
    layer_norm,
    linear,
    one_node,
    one_node_with_weights,
    prelu,
    product,
    refuse_boxes,
    refuse_opaque,
    shuffle,
    silu,
    slice_channels,
    with_number,
)
from archlab.exchange.onnx_sizes import max_pooling, mean_pooling, pad, resize, upsample_like


@dataclass(frozen=True, slots=True)
class OperatorExport:
    """A row of the table.

    Attributes:
        onnx: writes the operator's node as ONNX's nodes.
        module: the torch module's name in Python source, and its arguments from the node's; None where an operator is
            a function of tensors, or stands in no Python source.
        uneven: the module's name where padding differs between the sides.
    """

    onnx: Write
    module: tuple[str, Arguments] | None = None
    uneven: str | None = None


OPERATOR_EXPORTS: Mapping[str, OperatorExport] = {
    "conv2d": OperatorExport(convolution, ("nn.Conv2d", convolution_arguments), "EdgeConv2d"),
    "wsconv2d": OperatorExport(standardised, ("WSConv2d", standardised_arguments)),
    "conv_transpose": OperatorExport(transposed, ("nn.ConvTranspose2d", transposed_arguments)),
    "channel_conv": OperatorExport(channel_convolution, ("ChannelConv", in_order(("kernel_size", "kernel")))),
    "linear": OperatorExport(linear, ("nn.Linear", linear_arguments)),
    "bn": OperatorExport(
        batch_norm,
        (
            "nn.BatchNorm2d",
            channels_first(("eps", "eps", 1e-5), ("momentum", "momentum", 0.1), ("affine", "affine", True)),
        ),
    ),
    "gn": OperatorExport(
        group_norm,
        (
            "nn.GroupNorm",
            lambda a: (
                *in_order(("num_groups", "groups"), ("channels", "channels"))(a),
                Argument("eps", a.get("eps", 1e-5), 1e-5),
            ),
        ),
    ),
    "ln": OperatorExport(layer_norm, ("ChannelNorm", channels_first(("eps", "eps", 1e-5)))),
    "lrn": OperatorExport(
        one_node("LRN", "size=size", "alpha=alpha", "beta=beta", "bias=k"),
        ("nn.LocalResponseNorm", in_order(("size", "size"), ("alpha", "alpha"), ("beta", "beta"), ("k", "k"))),
    ),
    "scale": OperatorExport(
        one_node_with_weights("Mul", "weight"), ("Scale", in_order(("channels", "channels"), ("init", "init")))
    ),
    "factor": OperatorExport(with_number("Mul"), ("Factor", in_order(("x", "x")))),
    "offset": OperatorExport(with_number("Add"), ("Offset", in_order(("x", "x")))),
    "relu": OperatorExport(one_node("Relu"), ("nn.ReLU", in_order())),
    "relu6": OperatorExport(bounded(lambda a: (0, 6)), ("nn.ReLU6", in_order())),
    "leaky_relu": OperatorExport(
        one_node("LeakyRelu", "alpha=slope"), ("nn.LeakyReLU", in_order(("negative_slope", "slope")))
    ),
    "elu": OperatorExport(one_node("Elu", "alpha?=alpha"), ("nn.ELU", with_defaults(("alpha", "alpha", 1.0)))),
    "gelu": OperatorExport(
        one_node("Gelu", "approximate?=approximate"),
        ("nn.GELU", with_defaults(("approximate", "approximate", "none"))),
    ),
    "silu": OperatorExport(silu, ("nn.SiLU", in_order())),
    "mish": OperatorExport(one_node("Mish"), ("nn.Mish", in_order())),
    "hardswish": OperatorExport(one_node("HardSwish"), ("nn.Hardswish", in_order())),
    "sigmoid": OperatorExport(one_node("Sigmoid"), ("nn.Sigmoid", in_order())),
    "hardsigmoid": OperatorExport(one_node("HardSigmoid", alpha=1 / 6, beta=0.5), ("nn.Hardsigmoid", in_order())),
    "tanh": OperatorExport(one_node("Tanh"), ("nn.Tanh", in_order())),
    "hardtanh": OperatorExport(
        bounded(lambda a: (a["lo"], a["hi"])), ("nn.Hardtanh", in_order(("min_val", "lo"), ("max_val", "hi")))
    ),
    "prelu": OperatorExport(
        prelu,
        ("nn.PReLU", lambda a: (Argument("channels", 1 if a.get("shared") else a["channels"], positional=True),)),
    ),
    "softmax": OperatorExport(group_softmax, ("GroupSoftmax", in_order(("groups", "groups")))),
    "group_sum": OperatorExport(group_sum, ("GroupSum", in_order(("groups", "groups")))),
    "maxpool": OperatorExport(max_pooling, ("nn.MaxPool2d", max_pool_arguments), "EdgeMaxPool2d"),
    "avgpool": OperatorExport(mean_pooling, ("nn.AvgPool2d", mean_pool_arguments), "EdgeAvgPool2d"),
    "gap": OperatorExport(
        one_node("GlobalAveragePool"),
        ("nn.AdaptiveAvgPool2d", lambda a: (Argument("output_size", 1, positional=True),)),
    ),
    "gmp": OperatorExport(
        one_node("GlobalMaxPool"),
        ("nn.AdaptiveMaxPool2d", lambda a: (Argument("output_size", 1, positional=True),)),
    ),
    "adaptive_avgpool": OperatorExport(
        adaptive_pooling,
        ("nn.AdaptiveAvgPool2d", lambda a: (Argument("output_size", tidy(a["size"]), positional=True),)),
    ),
    "pad2d": OperatorExport(pad, ("nn.ZeroPad2d", pad_arguments)),
    "upsample": OperatorExport(resize, ("nn.Upsample", upsample_arguments)),
    "resize": OperatorExport(resize, ("nn.Upsample", upsample_arguments)),
    "upsample_like": OperatorExport(upsample_like),
    "roi_align": OperatorExport(refuse_boxes),
    "roi_pool": OperatorExport(refuse_boxes),
    "flatten": OperatorExport(one_node("Flatten", axis=1), ("nn.Flatten", in_order())),
    "dropout": OperatorExport(one_node("Identity"), ("nn.Dropout", in_order(("p", "p")))),
    "shuffle": OperatorExport(shuffle, ("Shuffle", in_order(("groups", "groups")))),
    "slice": OperatorExport(slice_channels),
    "opaque": OperatorExport(refuse_opaque),
    "add": OperatorExport(one_node("Sum")),
    "sub": OperatorExport(one_node("Sub")),
    "mul": OperatorExport(product),
    "cat": OperatorExport(one_node("Concat", axis=1)),
}
"""What every row of ``archlab.ops.OPS`` is in ONNX and in Python."""
