"""Rules of convolutions: arguments, shapes, weights, MACs."""

from __future__ import annotations

import math

from archlab.errors import ElaborationError
from archlab.ir import Shape, numel, show_shape
from archlab.ops.arguments import channels, flag, nearest, needs_map, pair, real, whole, window
from archlab.ops.row import Attrs, Shapes


def conv_attrs(x: Shapes, a: Attrs) -> Attrs:
    dilation = pair(a, "d")
    placed = window(x, a, dilation)
    return {**_channels(x, a), **placed, "dilation": dilation, "groups": a["g"], "bias": flag(a, "bias")}


def _channels(x: Shapes, a: Attrs) -> Attrs:
    c_in, c_out, groups = channels(x), whole(a, "c"), whole(a, "g")
    for what, c in (("input", c_in), ("output", c_out)):
        if c % groups:
            raise ElaborationError(
                f"{c} {what} channels are not divisible by {groups} groups",
                hint=nearest(c, groups),
            )
    return {"in_channels": c_in, "out_channels": c_out}


def conv_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    weight = {"weight": (a["out_channels"], a["in_channels"] // a["groups"], *a["kernel"])}
    return weight | ({"bias": (a["out_channels"],)} if a["bias"] else {})


def conv_macs(x: Shapes, y: Shape, a: Attrs) -> int:
    weight: Shape = conv_weights(x, a)["weight"]
    return numel(y) * numel(weight[1:])


def standardised_attrs(x: Shapes, a: Attrs) -> Attrs:
    """Those of a convolution; ``gamma`` is the factor of the learned gain, so that without one there is none."""
    attrs = {**conv_attrs(x, a), "eps": real(a, "eps")}
    if math.prod(attrs["kernel"]) * attrs["in_channels"] // attrs["groups"] == 1:
        raise ElaborationError(
            "a filter of one weight cannot be standardised: it is its own mean",
            hint="use a larger kernel, fewer groups, or conv2d",
        )
    gain, gamma = flag(a, "gain"), real(a, "gamma")
    if not gain and gamma != 1:
        raise ElaborationError(f"gamma {a['gamma']} is the factor of a gain, and gain is 0", hint="write gain=1")
    return {**attrs, **({"gain": True, "gamma": gamma} if gain else {})}


def standardised_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return conv_weights(x, a) | ({"gain": (a["out_channels"], 1, 1, 1)} if a.get("gain") else {})


def standardised_other(x: Shapes, y: Shape, a: Attrs) -> int:
    """The norm of the weight: fvcore counts 4 for each, and 5 with a gain."""
    return (5 if a.get("gain") else 4) * numel(conv_weights(x, a)["weight"])


def transposed_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    stride, dilation, out = pair(a, "s"), pair(a, "d"), pair(a, "out", least=0)
    if any(more >= max(s, d) for more, s, d in zip(out, stride, dilation, strict=True)):
        raise ElaborationError(
            f"out {show_shape(out)} must be smaller than the stride {show_shape(stride)} or the dilation",
            hint="it says which of the sizes that a stride maps to one is meant",
        )
    return {
        **_channels(x, a),
        "kernel": pair(a, "k"),
        "stride": stride,
        "padding": pair(a, "p", least=0),
        "output_padding": out,
        "dilation": dilation,
        "groups": a["g"],
        "bias": flag(a, "bias"),
    }


def transposed_shape(x: Shapes, a: Attrs) -> Shape:
    """Return what torch's ConvTranspose2d puts out: the size that the convolution would take to the input's."""
    sides = zip(x[0][1:], a["kernel"], a["stride"], a["padding"], a["output_padding"], a["dilation"], strict=True)
    out = [(size - 1) * s - 2 * p + d * (k - 1) + more + 1 for size, k, s, p, more, d in sides]
    if min(out) < 1:
        raise ElaborationError(
            f"the spatial size vanishes: padding {show_shape(a['padding'])} takes all of {show_shape(x[0][1:])}",
            hint="use less padding or a larger kernel",
        )
    return (a["out_channels"], *out)


def transposed_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    weight = {"weight": (a["in_channels"], a["out_channels"] // a["groups"], *a["kernel"])}
    return weight | ({"bias": (a["out_channels"],)} if a["bias"] else {})


def transposed_macs(x: Shapes, y: Shape, a: Attrs) -> int:
    """Each input element is multiplied by one group's output channels and the kernel."""
    return numel(x[0]) * numel(transposed_weights(x, a)["weight"][1:])


def channel_conv_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    if x[0][1:] != (1, 1):
        raise ElaborationError(
            f"needs one value for each channel, not a {show_shape(x[0])} map", hint="put gap before it"
        )
    kernel = whole(a, "k")
    if kernel % 2 == 0:
        raise ElaborationError(f"k must be odd, so that the channels stay as many, not {kernel}")
    return {"kernel": kernel}
