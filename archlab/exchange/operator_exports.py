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
    pooling_arguments,
    tidy,
)
from archlab.exchange.onnx_nodes import (
    Write,
    adaptive_pooling,
    convolution,
    layer_norm,
    linear,
    one_node,
    one_node_with_weights,
    pooling,
    prelu,
    product,
    refuse_boxes,
    relu6,
    shuffle,
    silu,
    slice_channels,
    upsample,
    upsample_like,
)


@dataclass(frozen=True, slots=True)
class OperatorExport:
    """A row of the table.

    Attributes:
        onnx: writes the operator's node as ONNX's nodes.
        module: the torch module's name in Python source, and its arguments from the node's; None where an operator is
            a function of tensors, or stands in no Python source.
    """

    onnx: Write
    module: tuple[str, Arguments] | None = None


OPERATOR_EXPORTS: Mapping[str, OperatorExport] = {
    "conv2d": OperatorExport(convolution, ("nn.Conv2d", convolution_arguments)),
    "linear": OperatorExport(linear, ("nn.Linear", linear_arguments)),
    "bn": OperatorExport(
        one_node_with_weights("BatchNormalization", "weight", "bias", "running_mean", "running_var", epsilon="eps"),
        ("nn.BatchNorm2d", channels_first(("eps", "eps", 1e-5), ("momentum", "momentum", 0.1))),
    ),
    "gn": OperatorExport(
        one_node_with_weights("GroupNormalization", "weight", "bias", num_groups="groups"),
        ("nn.GroupNorm", in_order(("num_groups", "groups"), ("channels", "channels"))),
    ),
    "ln": OperatorExport(layer_norm, ("ChannelNorm", channels_first(("eps", "eps", 1e-5)))),
    "lrn": OperatorExport(
        one_node("LRN", "size=size", "alpha=alpha", "beta=beta", "bias=k"),
        ("nn.LocalResponseNorm", in_order(("size", "size"), ("alpha", "alpha"), ("beta", "beta"), ("k", "k"))),
    ),
    "scale": OperatorExport(
        one_node_with_weights("Mul", "weight"), ("Scale", in_order(("channels", "channels"), ("init", "init")))
    ),
    "relu": OperatorExport(one_node("Relu"), ("nn.ReLU", in_order())),
    "relu6": OperatorExport(relu6, ("nn.ReLU6", in_order())),
    "leaky_relu": OperatorExport(
        one_node("LeakyRelu", "alpha=slope"), ("nn.LeakyReLU", in_order(("negative_slope", "slope")))
    ),
    "elu": OperatorExport(one_node("Elu"), ("nn.ELU", in_order())),
    "gelu": OperatorExport(one_node("Gelu"), ("nn.GELU", in_order())),
    "silu": OperatorExport(silu, ("nn.SiLU", in_order())),
    "mish": OperatorExport(one_node("Mish"), ("nn.Mish", in_order())),
    "hardswish": OperatorExport(one_node("HardSwish"), ("nn.Hardswish", in_order())),
    "sigmoid": OperatorExport(one_node("Sigmoid"), ("nn.Sigmoid", in_order())),
    "hardsigmoid": OperatorExport(one_node("HardSigmoid", alpha=1 / 6, beta=0.5), ("nn.Hardsigmoid", in_order())),
    "tanh": OperatorExport(one_node("Tanh"), ("nn.Tanh", in_order())),
    "prelu": OperatorExport(prelu, ("nn.PReLU", channels_first())),
    "maxpool": OperatorExport(pooling("MaxPool"), ("nn.MaxPool2d", pooling_arguments)),
    "avgpool": OperatorExport(pooling("AveragePool", count_include_pad=1), ("nn.AvgPool2d", pooling_arguments)),
    "gap": OperatorExport(
        one_node("GlobalAveragePool"),
        ("nn.AdaptiveAvgPool2d", lambda a: (Argument("output_size", 1, positional=True),)),
    ),
    "adaptive_avgpool": OperatorExport(
        adaptive_pooling,
        ("nn.AdaptiveAvgPool2d", lambda a: (Argument("output_size", tidy(a["size"]), positional=True),)),
    ),
    "upsample": OperatorExport(upsample, ("nn.Upsample", lambda a: (Argument("scale_factor", a["scale"]),))),
    "upsample_like": OperatorExport(upsample_like),
    "roi_align": OperatorExport(refuse_boxes),
    "roi_pool": OperatorExport(refuse_boxes),
    "flatten": OperatorExport(one_node("Flatten", axis=1), ("nn.Flatten", in_order())),
    "dropout": OperatorExport(one_node("Identity"), ("nn.Dropout", in_order(("p", "p")))),
    "shuffle": OperatorExport(shuffle, ("Shuffle", in_order(("groups", "groups")))),
    "slice": OperatorExport(slice_channels),
    "add": OperatorExport(one_node("Sum")),
    "mul": OperatorExport(product),
    "cat": OperatorExport(one_node("Concat", axis=1)),
}
"""What every row of ``archlab.ops.OPS`` is in ONNX and in Python."""
