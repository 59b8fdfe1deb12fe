"""The operators: one row each, with its signature, shape rule, parameter rule and MAC rule.

The closed forms here are what a search counts with, and they equal fvcore's counts operator by operator: ``macs`` is
what fvcore calls flops of convolutions and linear layers, ``other`` what it adds for norms and pooling.
Shapes are without the batch; ``x`` is a list of input shapes, ``y`` the output's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from archlab.errors import ElaborationError, LimitError
from archlab.ir import Shape, numel, show_shape

Attrs = dict[str, Any]
Shapes = Sequence[Shape]
Stride = tuple[Fraction, Fraction]
"""Pixels of an operator's input per pixel of its output, down and across; below 1 where it upsamples."""
MAX_ELEMENTS = 2**40

REQUIRED = object()
"""Marks a parameter without a default."""


def _nothing(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {}


def _zero(x: Shapes, y: Shape, a: Attrs) -> int:
    return 0


def _same_shape(x: Shapes, a: Attrs) -> Shape:
    return x[0]


@dataclass(frozen=True, slots=True)
class Op:
    """A row of the table.

    Attributes:
        signature: parameter names in order, with their defaults (``REQUIRED`` for none).
        attrs: the arguments, checked and resolved, from the inputs' shapes and the arguments as given.
        shape: the output's shape.
        weights: the parameters' shapes by name.
        buffers: the buffers' shapes by name.
        macs: multiply-accumulates for one image.
        other: norm and pooling arithmetic for one image, as fvcore counts it.
        fvcore: the name under which fvcore counts it, if it does.
        stride: pixels of the input per pixel of the output, (y, x); None where the output is no map of places.
        view: the output is the input's memory, or part of it.
        joins: takes several inputs; written as a form of the language, not as a call.
    """

    signature: Mapping[str, Any]
    attrs: Callable[[Shapes, Attrs], Attrs] = lambda x, a: a
    shape: Callable[[Shapes, Attrs], Shape] = _same_shape
    weights: Callable[[Shapes, Attrs], dict[str, Shape]] = _nothing
    buffers: Callable[[Shapes, Attrs], dict[str, Shape]] = _nothing
    macs: Callable[[Shapes, Shape, Attrs], int] = _zero
    other: Callable[[Shapes, Shape, Attrs], int] = _zero
    fvcore: str | None = None
    stride: Callable[[Attrs], Stride | None] = lambda a: (Fraction(1), Fraction(1))
    view: bool = False
    joins: bool = False


# --- arguments ------------------------------------------------------------------------------------------------------


def _whole(a: Attrs, name: str, least: int = 1) -> int:
    value = a[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ElaborationError(f"{name} must be a whole number of at least {least}, not {_show(value)}")
    return value


def _pair(a: Attrs, name: str, least: int = 1) -> tuple[int, int]:
    value = a[name]
    if isinstance(value, tuple) and len(value) == 2 and all(v >= least for v in value):
        return value
    if isinstance(value, int) and value >= least:
        return value, value
    raise ElaborationError(
        f"{name} must be a whole number of at least {least} or a size such as 1x3, not {_show(value)}"
    )


def _show(value: object) -> str:
    return show_shape(value) if isinstance(value, tuple) else str(value)


def _channels(x: Shapes) -> int:
    return x[0][0]


def _needs_map(x: Shapes) -> None:
    if len(x[0]) != 3:
        raise ElaborationError(f"needs a map of channels x height x width, not the {x[0][0]} features of a flatten")


def _window(x: Shapes, a: Attrs, dilation: tuple[int, int] = (1, 1)) -> Attrs:
    """Kernel, stride and padding of a convolution or pooling; ``same`` keeps the size at stride 1 for odd kernels."""
    _needs_map(x)
    kernel = _pair(a, "k")
    padding: tuple[int, int]
    if a["p"] == "same":
        padding = ((kernel[0] - 1) * dilation[0] // 2, (kernel[1] - 1) * dilation[1] // 2)
    else:
        padding = _pair(a, "p", least=0)
    return {"kernel": kernel, "stride": _pair(a, "s"), "padding": padding}


def _slide(x: Shapes, a: Attrs) -> tuple[int, int]:
    """The height and width that a sliding window leaves (the formula in torch's Conv2d and MaxPool2d)."""
    dilation = a.get("dilation", (1, 1))
    out = []
    for size, k, s, p, d in zip(x[0][1:], a["kernel"], a["stride"], a["padding"], dilation, strict=True):
        room = size + 2 * p - d * (k - 1) - 1
        if room < 0:
            window = f"{show_shape(a['kernel'])} window" + (f" dilated by {show_shape(dilation)}" if d > 1 else "")
            raise ElaborationError(
                f"the spatial size vanishes: a {window} does not fit the {show_shape(x[0][1:])} map"
                f" with padding {show_shape(a['padding'])}",
                hint="use fewer strides or a larger input",
            )
        n = room // s + 1
        if a.get("ceil") and room % s and n * s < size + p:  # the last window must begin in the map or its left padding
            n += 1
        out.append(n)
    return out[0], out[1]


# --- rules of single operators --------------------------------------------------------------------------------------


def _conv_attrs(x: Shapes, a: Attrs) -> Attrs:
    dilation = _pair(a, "d")
    window = _window(x, a, dilation)
    c_in, c_out, groups = _channels(x), _whole(a, "c"), _whole(a, "g")
    for what, c in (("input", c_in), ("output", c_out)):
        if c % groups:
            raise ElaborationError(
                f"{c} {what} channels are not divisible by {groups} groups",
                hint=_nearest(c, groups),
            )
    return {
        "in_channels": c_in,
        "out_channels": c_out,
        **window,
        "dilation": dilation,
        "groups": groups,
        "bias": _flag(a, "bias"),
    }


def _nearest(channels: int, groups: int) -> str:
    below = channels // groups * groups
    return f"{f'{below} or ' if below else ''}{below + groups} channels would be"


def _flag(a: Attrs, name: str) -> bool:
    if a[name] not in (0, 1):
        raise ElaborationError(f"{name} must be 0 or 1, not {_show(a[name])}")
    return bool(a[name])


def _conv_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    weight = {"weight": (a["out_channels"], a["in_channels"] // a["groups"], *a["kernel"])}
    return weight | ({"bias": (a["out_channels"],)} if a["bias"] else {})


def _conv_macs(x: Shapes, y: Shape, a: Attrs) -> int:
    weight: Shape = _conv_weights(x, a)["weight"]
    return numel(y) * numel(weight[1:])


def _linear_attrs(x: Shapes, a: Attrs) -> Attrs:
    if len(x[0]) != 1:
        raise ElaborationError(
            f"needs features, not a {show_shape(x[0])} map", hint="put gap -> flatten before it, or write fc"
        )
    return {"in_features": x[0][0], "out_features": _whole(a, "n"), "bias": _flag(a, "bias")}


def _linear_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    weight = {"weight": (a["out_features"], a["in_features"])}
    return weight | ({"bias": (a["out_features"],)} if a["bias"] else {})


def _affine(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {"weight": (_channels(x),), "bias": (_channels(x),)}


def _running(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {"running_mean": (_channels(x),), "running_var": (_channels(x),), "num_batches_tracked": ()}


def _real(a: Attrs, name: str) -> float:
    value = a[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ElaborationError(f"{name} must be a positive number, not {_show(value)}")
    return float(value)


def _norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"channels": _channels(x), **{name: _real(a, name) for name in a}}


def _lrn_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return {"size": _whole(a, "n"), **{name: _real(a, name) for name in ("alpha", "beta", "k")}}


def _scale_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return {"channels": _channels(x), "init": _real(a, "init")}


def _layer_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return _norm_attrs(x, a)


def _even_groups(x: Shapes, a: Attrs) -> int:
    groups = _whole(a, "g")
    if _channels(x) % groups:
        c = _channels(x)
        raise ElaborationError(f"{c} channels are not divisible by {groups} groups", hint=_nearest(c, groups))
    return groups


def _group_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"groups": _even_groups(x, a), "channels": _channels(x)}


def _pool_attrs(x: Shapes, a: Attrs) -> Attrs:
    stride = {"s": a["k"]} if a["s"] == 0 else {}
    attrs = _window(x, {**a, **stride})
    if any(2 * p > k for p, k in zip(attrs["padding"], attrs["kernel"], strict=True)):
        raise ElaborationError(
            f"padding {show_shape(attrs['padding'])} is more than half of the {show_shape(attrs['kernel'])} window"
        )
    return attrs | {"ceil": _flag(a, "ceil")}


def _adaptive_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return {"size": _pair(a, "n")}


def _gap_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return {}


def _flatten_shape(x: Shapes, a: Attrs) -> Shape:
    return (numel(x[0]),)


def _dropout_attrs(x: Shapes, a: Attrs) -> Attrs:
    if not isinstance(a["p"], int | float) or not 0 <= a["p"] < 1:
        raise ElaborationError(f"p must be at least 0 and below 1, not {_show(a['p'])}")
    return {"p": float(a["p"])}


def _slope_attrs(x: Shapes, a: Attrs) -> Attrs:
    if not isinstance(a["slope"], int | float):
        raise ElaborationError(f"slope must be a number, not {_show(a['slope'])}")
    return {"slope": float(a["slope"])}


def _shuffle_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return {"groups": _even_groups(x, a)}


def _upsample_attrs(x: Shapes, a: Attrs) -> Attrs:
    _needs_map(x)
    return {"scale": _whole(a, "scale")}


def _upsample_shape(x: Shapes, a: Attrs) -> Shape:
    return (_channels(x), x[0][1] * a["scale"], x[0][2] * a["scale"])


def _upsample_like_shape(x: Shapes, a: Attrs) -> Shape:
    for shape in x:
        _needs_map([shape])
    return (_channels(x), *x[1][1:])


def _slid(a: Attrs) -> Stride:
    return Fraction(a["stride"][0]), Fraction(a["stride"][1])


def _ends(a: Attrs) -> None:
    """Whatever the output is, its places are no longer a grid over the image."""


def _slice_shape(x: Shapes, a: Attrs) -> Shape:
    return (a["stop"] - a["start"], *x[0][1:])


# --- rules of the box head -----------------------------------------------------------------------------------------


def _roi_attrs(x: Shapes, a: Attrs) -> Attrs:
    """The inputs are the levels' maps, which share their channels, and the boxes."""
    whole: Attrs = {name: _whole(a, name) for name in ("rois", "sampling") if name in a}
    flags = {"aligned": _flag(a, "aligned")} if "aligned" in a else {}
    return {"size": _pair(a, "n"), **whole, **flags, "canonical": _real(a, "canonical"), "strides": a["strides"]}


def _roi_shape(x: Shapes, a: Attrs) -> Shape:
    return (_channels(x), *a["size"])


# --- rules of joins -------------------------------------------------------------------------------------------------


def _add_shape(x: Shapes, a: Attrs) -> Shape:
    if any(shape != x[0] for shape in x):
        raise ElaborationError(f"the shapes to add differ: {' and '.join(map(show_shape, x))}")
    return x[0]


def _mul_shape(x: Shapes, a: Attrs) -> Shape:
    largest = max(x, key=numel)
    for shape in x:
        if len(shape) != len(largest) or any(n not in (1, full) for n, full in zip(shape, largest, strict=True)):
            raise ElaborationError(f"the shapes to multiply do not fit: {' and '.join(map(show_shape, x))}")
    return largest


def _cat_shape(x: Shapes, a: Attrs) -> Shape:
    if any(shape[1:] != x[0][1:] for shape in x):
        raise ElaborationError(f"maps of different size cannot be concatenated: {' and '.join(map(show_shape, x))}")
    return (sum(shape[0] for shape in x), *x[0][1:])


_CONV = {"c": REQUIRED, "k": 3, "s": 1, "g": 1, "d": 1, "p": "same", "bias": 0}
_ROI = {"n": 7, "canonical": 224, "rois": 100, "strides": REQUIRED}
_POOL = {"k": REQUIRED, "s": 0, "p": "same", "ceil": 0}

OPS: dict[str, Op] = {
    "conv2d": Op(_CONV, _conv_attrs, lambda x, a: (a["out_channels"], *_slide(x, a)), _conv_weights,
                 macs=_conv_macs, fvcore="conv", stride=_slid),
    "linear": Op({"n": REQUIRED, "bias": 1}, _linear_attrs, lambda x, a: (a["out_features"],), _linear_weights,
                 macs=lambda x, y, a: a["in_features"] * a["out_features"], fvcore="linear", stride=_ends),
    # In eval mode an affine batch norm is a scale and a shift: fvcore counts two.
    "bn": Op({"eps": 0.00001, "momentum": 0.1}, _norm_attrs, weights=_affine, buffers=_running,
             other=lambda x, y, a: 2 * numel(y), fvcore="batch_norm"),
    "gn": Op({"g": REQUIRED}, _group_norm_attrs, weights=_affine,
             other=lambda x, y, a: 5 * numel(y), fvcore="group_norm"),
    # Over the channels of each position (ConvNeXt, arXiv:2201.03545).
    "ln": Op({"eps": 0.00001}, _layer_norm_attrs, weights=_affine,
             other=lambda x, y, a: 5 * numel(y), fvcore="layer_norm"),
    # Local response normalisation over n channels (AlexNet, section 3.3), as torch: alpha is divided by n.
    "lrn": Op({"n": 5, "alpha": 0.0001, "beta": 0.75, "k": 2}, _lrn_attrs),
    # A learned factor for each channel (layer scale, arXiv:2103.17239).
    "scale": Op({"init": 0.000001}, _scale_attrs, weights=lambda x, a: {"weight": (_channels(x), 1, 1)}),
    "relu": Op({}),
    "relu6": Op({}),
    "leaky_relu": Op({"slope": 0.01}, _slope_attrs),
    "elu": Op({}),
    "gelu": Op({}),
    "silu": Op({}),
    "mish": Op({}),
    "hardswish": Op({}),
    "sigmoid": Op({}),
    "hardsigmoid": Op({}),
    "tanh": Op({}),
    "prelu": Op({}, lambda x, a: {"channels": _channels(x)}, weights=lambda x, a: {"weight": (_channels(x),)}),
    "maxpool": Op(_POOL, _pool_attrs, lambda x, a: (_channels(x), *_slide(x, a)), stride=_slid),
    "avgpool": Op(_POOL, _pool_attrs, lambda x, a: (_channels(x), *_slide(x, a)), stride=_slid),
    "gap": Op({}, _gap_attrs, lambda x, a: (_channels(x), 1, 1),
              other=lambda x, y, a: numel(x[0]), fvcore="adaptive_avg_pool2d", stride=_ends),
    "adaptive_avgpool": Op({"n": REQUIRED}, _adaptive_attrs, lambda x, a: (_channels(x), *a["size"]),
                           other=lambda x, y, a: numel(x[0]), fvcore="adaptive_avg_pool2d", stride=_ends),
    "upsample": Op({"scale": 2}, _upsample_attrs, _upsample_shape,
                   other=lambda x, y, a: numel(y), fvcore="upsample_nearest2d",
                   stride=lambda a: (Fraction(1, a["scale"]), Fraction(1, a["scale"]))),
    # The first input at the size of the second, which need not be a multiple (a pyramid's top-down path).
    "upsample_like": Op({}, shape=_upsample_like_shape, other=lambda x, y, a: numel(y), fvcore="upsample_nearest2d",
                        joins=True),
    "flatten": Op({}, shape=_flatten_shape, stride=_ends, view=True),
    "dropout": Op({"p": 0.5}, _dropout_attrs, view=True),
    "shuffle": Op({"g": REQUIRED}, _shuffle_attrs),
    "slice": Op({"start": REQUIRED, "stop": REQUIRED}, shape=_slice_shape, view=True, joins=True),
    # Each box on the level of a pyramid that suits its size, into n x n bins (arXiv:1703.06870; arXiv:1504.08083). A
    # bilinear sample is four multiply-accumulates, but no convolution: `other`. A maximum has none.
    "roi_align": Op({**_ROI, "sampling": 2, "aligned": 0}, _roi_attrs, _roi_shape,
                    other=lambda x, y, a: 4 * a["sampling"] ** 2 * numel(y), fvcore="roi_align", stride=_ends,
                    joins=True),
    "roi_pool": Op(_ROI, _roi_attrs, _roi_shape, stride=_ends, joins=True),
    "add": Op({}, shape=_add_shape, joins=True),
    "mul": Op({}, shape=_mul_shape, joins=True),
    "cat": Op({}, shape=_cat_shape, joins=True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator on given inputs: everything that a node says but its name and where its inputs come from."""

    op: str
    attrs: Attrs
    shape: Shape
    weights: dict[str, Shape]
    buffers: dict[str, Shape]
    params: int
    macs: int
    other: int
    activations: int
    rows: int = 1


def apply_op(name: str, inputs: Shapes, args: Attrs, rows: int = 1) -> Applied:
    """The operator ``name`` on inputs of these shapes, of which one image has ``rows``.

    Raises:
        ElaborationError: the arguments or shapes break one of its rules.
        LimitError: its output or weights would exceed ``MAX_ELEMENTS``.
    """
    op = OPS[name]
    attrs = op.attrs(inputs, args)
    shape = op.shape(inputs, attrs)
    weights = op.weights(inputs, attrs)
    params = sum(map(numel, weights.values()))
    rows = attrs.get("rois", rows)
    for what, count in (("output", rows * numel(shape)), ("weights", params)):
        if count > MAX_ELEMENTS:
            raise LimitError(f"the {what} would hold {count} elements, more than {MAX_ELEMENTS}")
    macs = rows * op.macs(inputs, shape, attrs)
    return Applied(
        op=name,
        attrs=attrs,
        shape=shape,
        weights=weights,
        buffers=op.buffers(inputs, attrs),
        params=params,
        macs=macs,
        other=rows * op.other(inputs, shape, attrs),
        activations=rows * numel(shape) if op.macs is not _zero else 0,
        rows=rows,
    )
