"""Rules of what changes the size of a map without weights: pooling, padding, interpolation."""

from __future__ import annotations

from fractions import Fraction

from archlab.errors import ElaborationError
from archlab.ir import Shape, numel, show_shape
from archlab.ops.arguments import channels, flag, needs_map, pair, unless, whole, window, word
from archlab.ops.row import Attrs, Shapes, Stride

MODES = ("nearest", "bilinear")


def max_pool_attrs(x: Shapes, a: Attrs) -> Attrs:
    return _pool_attrs(x, a, pair(a, "d"))


def mean_pool_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {**_pool_attrs(x, a, (1, 1)), **unless("count_pad", flag(a, "count_pad"), True)}


def _pool_attrs(x: Shapes, a: Attrs, dilation: tuple[int, int]) -> Attrs:
    stride = {"s": a["k"]} if a["s"] == 0 else {}
    attrs = window(x, {**a, **stride}, dilation)
    padding, kernel = attrs["padding"], attrs["kernel"]
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        if a["p"] not in ("same", "tf"):
            raise ElaborationError(
                f"padding {show_shape(padding)} is more than half of the {show_shape(kernel)} window"
            )
        # Torch's pooling has no such padding of its own, which a dilated window needs: the map is padded before it.
        attrs = {"padding_end": padding, **attrs}
    return {**attrs, "ceil": flag(a, "ceil"), **unless("dilation", dilation, (1, 1))}


def edges_of(a: Attrs) -> tuple[int, int, int, int]:
    """Return the padding of a window that has a ``padding_end``, in torch's order: left, right, top, bottom."""
    (top, left), (bottom, right) = a["padding"], a["padding_end"]
    return left, right, top, bottom


def pad_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {side: whole(a, side, least=0) for side in ("top", "bottom", "left", "right")}


def pad_shape(x: Shapes, a: Attrs) -> Shape:
    c, height, width = x[0]
    return (c, height + a["top"] + a["bottom"], width + a["left"] + a["right"])


def upsample_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"scale": whole(a, "scale"), **_mode(a)}


def _mode(a: Attrs) -> Attrs:
    """The mode where it is not the nearest pixel, and whether the corners of both maps lie on each other."""
    mode, align = word(a, "mode", MODES), flag(a, "align")
    if mode == "nearest" and align:
        raise ElaborationError("align=1 means nothing for the nearest pixel", hint="write mode=bilinear")
    return {"mode": mode, "align": align} if mode != "nearest" else {}


def upsample_shape(x: Shapes, a: Attrs) -> Shape:
    return (channels(x), x[0][1] * a["scale"], x[0][2] * a["scale"])


def upsample_stride(a: Attrs) -> Stride:
    return Fraction(1, a["scale"]), Fraction(1, a["scale"])


def resize_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"size": pair(a, "size"), **_mode(a)}


def resize_shape(x: Shapes, a: Attrs) -> Shape:
    return (channels(x), *a["size"])


def interpolation_other(x: Shapes, y: Shape, a: Attrs) -> int:
    """One for each pixel put out, and four where it is made of four."""
    return (4 if a.get("mode") == "bilinear" else 1) * numel(y)


def interpolation_name(a: Attrs) -> str:
    return f"upsample_{a.get('mode', 'nearest')}2d"


def slid(a: Attrs) -> Stride:
    return Fraction(a["stride"][0]), Fraction(a["stride"][1])


def spread(a: Attrs) -> Stride:
    return Fraction(1, a["stride"][0]), Fraction(1, a["stride"][1])
