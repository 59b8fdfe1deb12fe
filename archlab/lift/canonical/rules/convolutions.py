"""Convolutions and linear layers."""

from __future__ import annotations

import dataclasses
from typing import Any

from archlab.lift.canonical.axes import flat_axes, map_order, merged, whole
from archlab.lift.canonical.builder import Builder, padding_of
from archlab.lift.canonical.rules.rule import Use, given, pair, weight
from archlab.lift.canonical.rules.standardised import standardised_weight
from archlab.lift.canonical.values import Computed, Operand, Padding, UnsayableError, Value, Weight


def conv2d(use: Use, build: Builder) -> Operand:
    """A convolution with what is padded around its input; where the sides differ, that may be TensorFlow's padding."""
    kernel_of = use["weight"]
    standardised: dict[str, Any] = {}
    op, gain = "conv2d", None
    if isinstance(kernel_of, Computed):
        kernel_of, gain, standardised = standardised_weight(kernel_of)
        op = "wsconv2d"
    kernel = weight(kernel_of, "weight")
    x = build.map(use.x, padded=True)
    k, s, d = kernel.shape[2:], pair(use["stride"]), pair(use["dilation"])
    step, p = padded_for(build, x, k, s, d, around(use["padding"], k, d))
    args = {"c": kernel.shape[0], "k": k, "s": s, "g": use["groups"], "d": d, "p": p}
    args |= {"bias": int(use["bias"] is not None), **standardised}
    bias = given(use["bias"], "bias")
    return build.value(build.add(op, [step], args, weight=kernel, bias=bias, gain=gain))


def around(padding: Any, k: Any, d: Any) -> Padding:
    """Return the padding that a convolution is called with: numbers, or ``same`` and ``valid``."""
    if padding == "valid":
        return Padding(0, 0, 0, 0)
    if padding == "same":
        (above, below), (left, right) = ((n // 2, n - n // 2) for n in (d[i] * (k[i] - 1) for i in (0, 1)))
        return Padding(above, below, left, right)
    rows, columns = pair(padding)
    return Padding(rows, rows, columns, columns)


def padded_for(build: Builder, x: Value, k: Any, s: Any, d: Any, own: Padding) -> tuple[int, Any]:
    """Return the step to slide a window over, and the window's padding as the language says it."""
    unsaid = padding_of(x)
    if unsaid.value:
        raise UnsayableError(f"what is padded around its input is {unsaid.value:g} and not 0")
    rows = own.top + unsaid.top, own.bottom + unsaid.bottom
    columns = own.left + unsaid.left, own.right + unsaid.right
    if min(*rows, *columns) >= 0:
        if rows[0] == rows[1] and columns[0] == columns[1]:
            return x.step, (rows[0], columns[0])
        sizes = build.shape_of(x.step)[1:]
        if (rows, columns) == tuple(as_tensorflow(sizes[i], k[i], s[i], d[i]) for i in (0, 1)):
            return x.step, "tf"
    return build.plain(x).step, (own.top, own.left)


def as_tensorflow(size: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Return the padding of TensorFlow's SAME before and after an axis: the odd one comes after."""
    total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
    return total // 2, total - total // 2


def conv_transpose2d(use: Use, build: Builder) -> Operand:
    kernel = weight(use["weight"], "weight")
    x = build.map(use.x)
    args = {
        "c": kernel.shape[1] * int(use["groups"]),
        "k": kernel.shape[2:],
        "s": pair(use["stride"]),
        "g": use["groups"],
        "d": pair(use["dilation"]),
        "p": pair(use["padding"]),
        "out": pair(use["output_padding"]),
        "bias": int(use["bias"] is not None),
    }
    step = build.add("conv_transpose", [x.step], args, weight=kernel, bias=given(use["bias"], "bias"))
    return build.value(step)


def conv1d(use: Use, build: Builder) -> Operand:
    """One filter over the channels of a 1x1 map, as efficient channel attention has it."""
    kernel = weight(use["weight"], "weight")
    x = build.plain(use.x)
    c = build.shape_of(x.step)[0]
    if x.axes[1:] != ((), whole("c", c)) or kernel.shape[:2] != (1, 1) or use["bias"] is not None:
        raise UnsayableError("one-dimensional convolutions are said over the channels of a 1x1 map alone")
    k, s, d, p = kernel.shape[2], pair(use["stride"])[0], pair(use["dilation"])[0], use["padding"]
    if (s, d) != (1, 1) or around(p, (k, k), (d, d)).top != (k - 1) // 2:
        raise UnsayableError("a convolution over the channels is said with stride 1 and the same size alone")
    return build.value(build.add("channel_conv", [build.as_map(x.step)], {"k": k}, weight=kernel), x.axes)


def linear(use: Use, build: Builder) -> Operand:
    """A linear layer on features; over the channels of a map, wherever these lie last, it is a 1x1 convolution."""
    matrix: Operand = use["weight"]
    if not isinstance(matrix, Weight):  # one that is transposed is turned round as it is copied
        matrix = weight(matrix, "weight")
    return _dense(build, use.x, matrix, given(use["bias"], "bias"))


def _dense(build: Builder, operand: Operand, matrix: Weight, bias: Weight | None) -> Value:
    x = build.plain(operand)
    if len(x.axes) == 2 and x.axes[0] == whole("n", build.batch):
        x, matrix = _in_map_order(build, x, matrix)
        args = {"n": matrix.shape[0], "bias": int(bias is not None)}
        return build.value(build.add("linear", [build.features(x)], args, weight=matrix, bias=bias))
    x = build.channels_last(x)
    args = {"c": matrix.shape[0], "k": 1, "bias": int(bias is not None)}
    step = build.add("conv2d", [build.as_map(x.step)], args, weight=matrix, bias=bias)
    return build.value(step, (*x.axes[:-1], whole("c", matrix.shape[0])))


def _in_map_order(build: Builder, x: Value, matrix: Weight) -> tuple[Value, Weight]:
    """Return what was flattened in another order as the language flattens it, and the matrix with its columns so too.

    Models that come from TensorFlow or Caffe flatten (N, H, W, C) or (N, W, H, C).
    """
    pieces, flat = x.axes[1], flat_axes(build.batch, build.shape_of(x.step))
    order = map_order(pieces)
    if pieces == flat[1] or merged([pieces[i] for i in order]) != flat[1]:
        return x, matrix  # as it is, or refused as what it is
    sizes = tuple(atom.size for atom in pieces)
    return dataclasses.replace(x, axes=flat), dataclasses.replace(matrix, pieces=sizes, order=order)
