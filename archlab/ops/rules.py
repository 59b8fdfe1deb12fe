"""Rules of operators with one input: arguments, shapes, weights and MACs."""

from __future__ import annotations

from fractions import Fraction

from archlab.errors import ElaborationError
from archlab.ir import Shape, numel, show_shape
from archlab.ops.arguments import channels, even_groups, flag, nearest, needs_map, pair, real, show, whole, window
from archlab.ops.row import Attrs, Shapes, Stride


def conv_attrs(x: Shapes, a: Attrs) -> Attrs:
    dilation = pair(a, "d")
    placed = window(x, a, dilation)
    c_in, c_out, groups = channels(x), whole(a, "c"), whole(a, "g")
    for what, c in (("input", c_in), ("output", c_out)):
        if c % groups:
            raise ElaborationError(
                f"{c} {what} channels are not divisible by {groups} groups",
                hint=nearest(c, groups),
            )
    return {
        "in_channels": c_in,
        "out_channels": c_out,
        **placed,
        "dilation": dilation,
        "groups": groups,
        "bias": flag(a, "bias"),
    }


def conv_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    weight = {"weight": (a["out_channels"], a["in_channels"] // a["groups"], *a["kernel"])}
    return weight | ({"bias": (a["out_channels"],)} if a["bias"] else {})


def conv_macs(x: Shapes, y: Shape, a: Attrs) -> int:
    weight: Shape = conv_weights(x, a)["weight"]
    return numel(y) * numel(weight[1:])


def linear_attrs(x: Shapes, a: Attrs) -> Attrs:
    if len(x[0]) != 1:
        raise ElaborationError(
            f"needs features, not a {show_shape(x[0])} map", hint="put gap -> flatten before it, or write fc"
        )
    return {"in_features": x[0][0], "out_features": whole(a, "n"), "bias": flag(a, "bias")}


def linear_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    weight = {"weight": (a["out_features"], a["in_features"])}
    return weight | ({"bias": (a["out_features"],)} if a["bias"] else {})


def affine(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {"weight": (channels(x),), "bias": (channels(x),)}


def running(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {"running_mean": (channels(x),), "running_var": (channels(x),), "num_batches_tracked": ()}


def norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"channels": channels(x), **{name: real(a, name) for name in a}}


def lrn_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"size": whole(a, "n"), **{name: real(a, name) for name in ("alpha", "beta", "k")}}


def scale_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"channels": channels(x), "init": real(a, "init")}


def layer_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return norm_attrs(x, a)


def group_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"groups": even_groups(x, a), "channels": channels(x)}


def pool_attrs(x: Shapes, a: Attrs) -> Attrs:
    stride = {"s": a["k"]} if a["s"] == 0 else {}
    attrs = window(x, {**a, **stride})
    if any(2 * p > k for p, k in zip(attrs["padding"], attrs["kernel"], strict=True)):
        raise ElaborationError(
            f"padding {show_shape(attrs['padding'])} is more than half of the {show_shape(attrs['kernel'])} window"
        )
    return {**attrs, "ceil": flag(a, "ceil")}


def adaptive_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"size": pair(a, "n")}


def gap_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {}


def flatten_shape(x: Shapes, a: Attrs) -> Shape:
    return (numel(x[0]),)


def dropout_attrs(x: Shapes, a: Attrs) -> Attrs:
    if not isinstance(a["p"], int | float) or not 0 <= a["p"] < 1:
        raise ElaborationError(f"p must be at least 0 and below 1, not {show(a['p'])}")
    return {"p": float(a["p"])}


def slope_attrs(x: Shapes, a: Attrs) -> Attrs:
    if not isinstance(a["slope"], int | float):
        raise ElaborationError(f"slope must be a number, not {show(a['slope'])}")
    return {"slope": float(a["slope"])}


def shuffle_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"groups": even_groups(x, a)}


def upsample_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"scale": whole(a, "scale")}


def upsample_shape(x: Shapes, a: Attrs) -> Shape:
    return (channels(x), x[0][1] * a["scale"], x[0][2] * a["scale"])


def slid(a: Attrs) -> Stride:
    return Fraction(a["stride"][0]), Fraction(a["stride"][1])


def ends(a: Attrs) -> None:
    """Whatever the output is, its places are no longer a grid over the image."""
