"""Rules of operators with one input: arguments, shapes, weights and MACs."""

from __future__ import annotations

from archlab.errors import ElaborationError
from archlab.ir import Shape, numel, show_shape
from archlab.ops.arguments import channels, even_groups, flag, needs_map, number, pair, real, show, unless, whole, word
from archlab.ops.row import Attrs, Shapes


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
    return {"weight": (channels(x),), "bias": (channels(x),)} if a.get("affine", True) else {}


def running(x: Shapes, a: Attrs) -> dict[str, Shape]:
    return {"running_mean": (channels(x),), "running_var": (channels(x),), "num_batches_tracked": ()}


def batch_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    numbers = {name: real(a, name) for name in ("eps", "momentum")}
    return {"channels": channels(x), **numbers, **unless("affine", flag(a, "affine"), True)}


def batch_norm_other(x: Shapes, y: Shape, a: Attrs) -> int:
    """In evaluation an affine batch norm is a scale and a shift: fvcore counts two, and one without an affine."""
    return (2 if a.get("affine", True) else 1) * numel(y)


def lrn_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"size": whole(a, "n"), **{name: real(a, name) for name in ("alpha", "beta", "k")}}


def scale_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"channels": channels(x), "init": real(a, "init")}


def layer_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"channels": channels(x), "eps": real(a, "eps")}


def group_norm_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"groups": even_groups(x, a), "channels": channels(x), **unless("eps", real(a, "eps"), 0.00001)}


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
    return {"slope": number(a, "slope")}


def elu_attrs(x: Shapes, a: Attrs) -> Attrs:
    return unless("alpha", real(a, "alpha"), 1.0)


def hardtanh_attrs(x: Shapes, a: Attrs) -> Attrs:
    lo, hi = number(a, "lo"), number(a, "hi")
    if lo >= hi:
        raise ElaborationError(f"lo must be below hi, and {show(a['lo'])} is not below {show(a['hi'])}")
    return {"lo": lo, "hi": hi}


def gelu_attrs(x: Shapes, a: Attrs) -> Attrs:
    return unless("approximate", word(a, "approximate", ("none", "tanh")), "none")


def prelu_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"channels": channels(x), **unless("shared", flag(a, "shared"), False)}


def factor_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"x": number(a, "x")}


def shuffle_attrs(x: Shapes, a: Attrs) -> Attrs:
    needs_map(x)
    return {"groups": even_groups(x, a)}


def softmax_attrs(x: Shapes, a: Attrs) -> Attrs:
    """Without groups each channel is one of its own, against all others."""
    return {"groups": channels(x) if a["g"] == 0 else even_groups(x, a)}


def group_sum_attrs(x: Shapes, a: Attrs) -> Attrs:
    return {"groups": even_groups(x, a)}


def group_sum_shape(x: Shapes, a: Attrs) -> Shape:
    return (channels(x) // a["groups"], *x[0][1:])


def ends(a: Attrs) -> None:
    """Whatever the output is, its places are no longer a grid over the image."""
