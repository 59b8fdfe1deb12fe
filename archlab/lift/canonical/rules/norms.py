"""Norms."""

from __future__ import annotations

from archlab.lift.canonical.axes import letters, whole
from archlab.lift.canonical.builder import Builder
from archlab.lift.canonical.rules.rule import Use, given, number, weight
from archlab.lift.canonical.values import Operand, UnsayableError, Value, Weight


def batch_norm(use: Use, build: Builder) -> Operand:
    x = _channels_second(build, use.x)
    if use["training"]:
        raise UnsayableError("it takes its statistics from the batch")
    mean = weight(use["running_mean"], "running_mean")
    affine = use["weight"] is not None
    momentum = number(use["momentum"])
    if momentum is None or momentum <= 0:
        raise UnsayableError(f"its momentum is {use['momentum']}")
    args = {"eps": use["eps"], "momentum": momentum, **({} if affine else {"affine": 0})}
    held: dict[str, Weight | None] = {
        "weight": given(use["weight"], "weight"),
        "bias": given(use["bias"], "bias") if affine else None,
        "running_mean": mean,
        "running_var": weight(use["running_var"], "running_var"),
        "num_batches_tracked": Weight(f"{mean.name.rpartition('running_mean')[0]}num_batches_tracked", ()),
    }
    return build.value(build.add("bn", [x.step], args, **held), x.axes)


def group_norm(use: Use, build: Builder) -> Operand:
    x = _channels_second(build, use.x)
    args = {"g": use["num_groups"]}
    if use["eps"] != 1e-5:
        args["eps"] = use["eps"]
    held = {"weight": weight(use["weight"], "weight"), "bias": weight(use["bias"], "bias")}
    return build.value(build.add("gn", [x.step], args, **held), x.axes)


def layer_norm(use: Use, build: Builder) -> Operand:
    """A norm over the channels, wherever these lie last."""
    x = build.channels_last(use.x)
    if len(use["normalized_shape"]) != 1:
        raise UnsayableError("layer norm is said over channels alone, not over places too")
    held = {"weight": weight(use["weight"], "weight"), "bias": weight(use["bias"], "bias")}
    step = build.features(x) if len(x.axes) == 2 and len(build.shape_of(x.step)) == 1 else x.step
    return build.value(build.add("ln", [step], {"eps": use["eps"]}, **held), x.axes)


def local_response_norm(use: Use, build: Builder) -> Operand:
    """Over neighbouring channels; see ``archlab.lift.canonical.response_norm``."""
    x = build.map(use.x)
    args = {"n": use["size"], "alpha": use["alpha"], "beta": use["beta"], "k": use["k"]}
    return build.value(build.add("lrn", [x.step], args))


def _channels_second(build: Builder, operand: Operand) -> Value:
    x = build.plain(operand)
    shape = build.shape_of(x.step)
    rest = (axis for i, axis in enumerate(x.axes) if i != 1)
    if len(x.axes) < 2 or x.axes[1] != whole("c", shape[0]) or any("c" in letters(axis) for axis in rest):
        raise UnsayableError("its input has not all of its channels as the second axis")
    if len(shape) == 1:
        raise UnsayableError("it is over features, and not over a map")
    return x
