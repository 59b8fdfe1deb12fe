"""ONNX nodes as calls of PyTorch's operators: a row each, from a node to the calls' names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from archlab.audit.operands import Argument
from archlab.lift.onnx.node_use import PREVIOUS, NodeUse, Row, Step, operand


def padded(use: NodeUse, kernel: Any, filling: float) -> tuple[list[Step], Argument, tuple[int, ...]]:
    """Return what pads, what slides then, and its symmetric padding."""
    rank = len(kernel)
    strides = tuple(use.attrs.get("strides") or (1,) * rank)
    dilations = tuple(use.attrs.get("dilations") or (1,) * rank)
    pads = tuple(use.attrs.get("pads") or (0,) * (2 * rank))
    auto = use.attrs.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        before, after = [], []
        for size, k, s, d in zip(use.shape()[2:], kernel, strides, dilations, strict=True):
            total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            less, more = total // 2, total - total // 2
            before.append(less if auto == "SAME_UPPER" else more)
            after.append(more if auto == "SAME_UPPER" else less)
        pads = (*before, *after)
    before, after = list(pads[:rank]), list(pads[rank:])
    if before == after:
        return [], use.arg(0), tuple(before)
    sides = tuple(n for pair in reversed(list(zip(before, after, strict=True))) for n in pair)
    pad: Step = ("constant_pad_nd", {"self": use.arg(0), "pad": sides, "value": filling})
    return [pad], PREVIOUS, (0,) * rank


def conv(use: NodeUse) -> list[Step]:
    kernel = use.shape(1)[2:]
    before, x, padding = padded(use, kernel, 0.0)
    args: dict[str, Argument] = {
        "input": x,
        "weight": use.arg(1),
        "bias": use.arg(2),
        "stride": tuple(use.attrs.get("strides") or (1,) * len(kernel)),
        "padding": padding,
        "dilation": tuple(use.attrs.get("dilations") or (1,) * len(kernel)),
        "groups": use.attrs.get("group", 1),
    }
    return [*before, (f"conv{len(kernel)}d", args)]


def conv_transpose(use: NodeUse) -> list[Step]:
    kernel = use.shape(1)[2:]
    pads = tuple(use.attrs.get("pads") or (0,) * 4)
    args: dict[str, Argument] = {
        "input": use.arg(0),
        "weight": use.arg(1),
        "bias": use.arg(2),
        "stride": tuple(use.attrs.get("strides") or (1, 1)),
        "padding": pads[:2],
        "output_padding": tuple(use.attrs.get("output_padding") or (0, 0)),
        "groups": use.attrs.get("group", 1),
        "dilation": tuple(use.attrs.get("dilations") or (1, 1)),
    }
    uneven = pads[:2] != pads[2:] or use.attrs.get("auto_pad", "NOTSET") != "NOTSET" or len(kernel) != 2
    return [("conv_transpose2d_uneven" if uneven else "conv_transpose2d", args)]


def batch_normalization(use: NodeUse) -> list[Step]:
    names = ("input", "weight", "bias", "running_mean", "running_var")
    args = {name: use.arg(i) for i, name in enumerate(names)}
    settings = {
        "training": bool(use.attrs.get("training_mode", 0)),
        "momentum": round(1 - use.attrs.get("momentum", 0.9), 7),
        "eps": _short(use.attrs.get("epsilon", 1e-5)),
    }
    return [("batch_norm", {**args, **settings})]


def _short(value: float) -> float:
    """Return the decimal number that a float32 was rounded from."""
    return float(f"{value:.7g}")


def gemm(use: NodeUse) -> list[Step]:
    plain = use.attrs.get("alpha", 1.0) == 1 and use.attrs.get("beta", 1.0) == 1 and not use.attrs.get("transA", 0)
    if not plain:
        return [("gemm", {"self": use.arg(0)})]
    return linear(use, transposed=not use.attrs.get("transB", 0))


def linear(use: NodeUse, transposed: bool) -> list[Step]:
    args: dict[str, Argument] = {"input": use.arg(0), "weight": use.arg(1), "bias": use.arg(2)}
    if not transposed:
        return [("linear", args)]
    return [("t", {"self": use.arg(1)}), ("linear", {**args, "weight": PREVIOUS})]


def matmul(use: NodeUse) -> list[Step]:
    if use.model.constant(use.names[1]) is None:
        return [("matmul", {"self": use.arg(0), "other": use.arg(1)})]
    return linear(use, transposed=True)


def pool(op: str, filling: float) -> Row:
    def row(use: NodeUse) -> list[Step]:
        kernel = tuple(use.attrs["kernel_shape"])
        before, x, padding = padded(use, kernel, filling)
        args: dict[str, Argument] = {
            "self": x,
            "kernel_size": kernel,
            "stride": tuple(use.attrs.get("strides") or (1,) * len(kernel)),
            "padding": padding,
            "dilation": tuple(use.attrs.get("dilations") or (1,) * len(kernel)),
            "ceil_mode": bool(use.attrs.get("ceil_mode", 0)),
            "count_include_pad": bool(use.attrs.get("count_include_pad", 0)),
        }
        if before and op == "avg_pool2d" and not args["count_include_pad"]:
            return [("avg_pool2d that leaves uneven padding out", args)]
        return [*before, (op, args)]

    return row


def global_pool(op: str) -> Row:
    return lambda use: [(op, {"self": use.arg(0), "output_size": (1, 1)})]


def reduce_mean(use: NodeUse) -> list[Step]:
    axes = use.either(1, "axes")
    keep = bool(use.attrs.get("keepdims", 1))
    return [("mean", {"self": use.arg(0), "dim": tuple(axes) if axes is not None else None, "keepdim": keep})]


def binary(op: str) -> Row:
    return lambda use: [(op, {"self": operand(use, 0), "other": operand(use, 1)})]


def unary(op: str) -> Row:
    return lambda use: [(op, {"self": use.arg(0)})]


def clip(use: NodeUse) -> list[Step]:
    low, high = (_short(v) if isinstance(v, float) else v for v in (use.either(1, "min"), use.either(2, "max")))
    return [("clamp", {"self": use.arg(0), "min": low, "max": high})]


def hard_sigmoid(use: NodeUse) -> list[Step]:
    alpha, beta = use.attrs.get("alpha", 0.2), use.attrs.get("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return [("hardsigmoid", {"self": use.arg(0)})]
    steps: list[Step] = [("mul", {"self": use.arg(0), "other": _short(alpha)})]
    steps.append(("add", {"self": PREVIOUS, "other": _short(beta)}))
    return [*steps, ("clamp", {"self": PREVIOUS, "min": 0.0, "max": 1.0})]


def resize(use: NodeUse) -> list[Step]:
    mode, where = use.attrs.get("mode", "nearest"), use.attrs.get("coordinate_transformation_mode", "half_pixel")
    old, new = use.shape(), use.model.shape(use.outputs[0])
    whole = all(b % a == 0 for a, b in zip(old, new, strict=True))
    if mode == "linear" and where in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        return [("upsample_bilinear2d", {"input": use.arg(0), "align_corners": where == "align_corners"})]
    floor = use.attrs.get("nearest_mode", "round_prefer_floor") == "floor"
    if mode == "nearest" and ((where == "asymmetric" and floor) or whole):
        return [("upsample_nearest2d", {"input": use.arg(0)})]
    return [(f"resize by {mode} and {where}", {"self": use.arg(0)})]


def pad(use: NodeUse) -> list[Step]:
    pads, mode = use.either(1, "pads"), use.attrs.get("mode", "constant")
    rank = len(use.shape())
    sides = tuple(n for i in reversed(range(rank)) for n in (pads[i], pads[i + rank]))
    while len(sides) > 4 and sides[-2:] == (0, 0):
        sides = sides[:-2]
    return [("pad", {"self": use.arg(0), "pad": sides, "mode": mode, "value": use.either(2, "value", 0.0)})]


def split(use: NodeUse) -> list[Step]:
    return [("split", {"self": use.arg(0), "dim": use.attrs.get("axis", 0)})]


def slice_(use: NodeUse) -> list[Step]:
    starts, ends = use.either(1, "starts"), use.either(2, "ends")
    axes = use.either(3, "axes") or tuple(range(len(starts)))
    steps = use.number(4) or (1,) * len(starts)
    if len(axes) != 1:
        return [("slice over several axes", {"self": use.arg(0)})]
    size = use.shape()[axes[0]]
    start = starts[0] + size if starts[0] < 0 else starts[0]
    return [("slice", {"self": use.arg(0), "dim": axes[0], "start": start, "end": ends[0], "step": steps[0]})]


def leaky_relu(use: NodeUse) -> list[Step]:
    return [("leaky_relu", {"self": use.arg(0), "negative_slope": _short(use.attrs.get("alpha", 0.01))})]


def elu(use: NodeUse) -> list[Step]:
    return [("elu", {"self": use.arg(0), "alpha": use.attrs.get("alpha", 1.0), "scale": 1, "input_scale": 1})]


def gelu(use: NodeUse) -> list[Step]:
    return [("gelu", {"self": use.arg(0), "approximate": use.attrs.get("approximate", "none")})]


def softmax(use: NodeUse) -> list[Step]:
    return [("softmax", {"self": use.arg(0), "dim": use.attrs.get("axis", -1)})]


def lrn(use: NodeUse) -> list[Step]:
    settings = {"size": use.attrs["size"], "alpha": _short(use.attrs.get("alpha", 1e-4))}
    settings |= {"beta": _short(use.attrs.get("beta", 0.75)), "k": _short(use.attrs.get("bias", 1.0))}
    return [("local_response_norm", {"self": use.arg(0), **settings})]


ROWS: Mapping[str, Row] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "BatchNormalization": batch_normalization,
    "Gemm": gemm,
    "MatMul": matmul,
    "MaxPool": pool("max_pool2d", -np.inf),
    "AveragePool": pool("avg_pool2d", 0.0),
    "GlobalAveragePool": global_pool("adaptive_avg_pool2d"),
    "GlobalMaxPool": global_pool("adaptive_max_pool2d"),
    "ReduceMean": reduce_mean,
    "Add": binary("add"),
    "Sub": binary("sub"),
    "Mul": binary("mul"),
    "Div": binary("div"),
    "Relu": unary("relu"),
    "Sigmoid": unary("sigmoid"),
    "Tanh": unary("tanh"),
    "HardSwish": unary("hardswish"),
    "Mish": unary("mish"),
    "Swish": lambda use: [("silu" if use.attrs.get("alpha", 1.0) == 1 else "swish with alpha", {"self": use.arg(0)})],
    "HardSigmoid": hard_sigmoid,
    "Clip": clip,
    "LeakyRelu": leaky_relu,
    "PRelu": lambda use: [("prelu", {"self": use.arg(0), "weight": use.arg(1)})],
    "Elu": elu,
    "Gelu": gelu,
    "Softmax": softmax,
    "LRN": lrn,
    "Concat": lambda use: [("cat", {"tensors": use.args, "dim": use.attrs["axis"]})],
    "Split": split,
    "Slice": slice_,
    "Transpose": lambda use: [("permute", {"self": use.arg(0), "dims": tuple(use.attrs["perm"])})],
    "Resize": resize,
    "Upsample": resize,
    "Pad": pad,
    **dict.fromkeys(["Reshape", "Flatten", "Squeeze", "Unsqueeze"], unary("view")),
    **dict.fromkeys(["Identity", "Cast", "Dropout"], unary("clone")),
}  # fmt: skip
"""Each by the node's type; any other is refused by its name."""
