"""Arguments of operators: read, checked and resolved."""

from __future__ import annotations

from typing import Any

from archlab.errors import ElaborationError
from archlab.ir import show_shape
from archlab.ops.row import Attrs, Shapes


def whole(a: Attrs, name: str, least: int = 1) -> int:
    value = a[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ElaborationError(f"{name} must be a whole number of at least {least}, not {show(value)}")
    return value


def pair(a: Attrs, name: str, least: int = 1) -> tuple[int, int]:
    value = a[name]
    if isinstance(value, tuple) and len(value) == 2 and all(v >= least for v in value):
        return value
    if isinstance(value, int) and value >= least:
        return value, value
    raise ElaborationError(
        f"{name} must be a whole number of at least {least} or a size such as 1x3, not {show(value)}",
        # A hole behind an x is an input's height and width: 1x{3, 5} has three sides.
        hint="a size with a hole in it is written size(1, {3, 5})" if isinstance(value, tuple) else None,
    )


def show(value: object) -> str:
    return show_shape(value) if isinstance(value, tuple) else str(value)


def flag(a: Attrs, name: str) -> bool:
    if a[name] not in (0, 1):
        raise ElaborationError(f"{name} must be 0 or 1, not {show(a[name])}")
    return bool(a[name])


def real(a: Attrs, name: str) -> float:
    value = a[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ElaborationError(f"{name} must be a positive number, not {show(value)}")
    return float(value)


def number(a: Attrs, name: str) -> float:
    value = a[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ElaborationError(f"{name} must be a number, not {show(value)}")
    return float(value)


def word(a: Attrs, name: str, words: tuple[str, ...]) -> str:
    value = a[name]
    if value not in words:
        raise ElaborationError(f"{name} must be {' or '.join(words)}, not {show(value)}")
    return str(value)


def unless(name: str, value: Any, default: Any) -> Attrs:
    """Return the argument, or nothing where it is the default: what was added to a row changes no older digest."""
    return {} if value == default else {name: value}


def channels(x: Shapes) -> int:
    return x[0][0]


def needs_map(x: Shapes) -> None:
    if len(x[0]) != 3:
        raise ElaborationError(f"needs a map of channels x height x width, not the {x[0][0]} features of a flatten")


def even_groups(x: Shapes, a: Attrs) -> int:
    groups = whole(a, "g")
    if channels(x) % groups:
        c = channels(x)
        raise ElaborationError(f"{c} channels are not divisible by {groups} groups", hint=nearest(c, groups))
    return groups


def nearest(channels: int, groups: int) -> str:
    below = channels // groups * groups
    return f"{f'{below} or ' if below else ''}{below + groups} channels would be"


def window(x: Shapes, a: Attrs, dilation: tuple[int, int] = (1, 1)) -> Attrs:
    """Kernel, stride and padding of a convolution or pooling.

    ``same`` keeps the size at stride 1 for odd kernels. ``tf`` is TensorFlow's: the output has the size of the input
    divided by the stride, rounded up, and of an odd padding the larger half is below and to the right, where it is
    ``padding_end``.
    """
    needs_map(x)
    kernel, stride = pair(a, "k"), pair(a, "s")
    padding: tuple[int, int]
    if a["p"] == "same":
        padding = ((kernel[0] - 1) * dilation[0] // 2, (kernel[1] - 1) * dilation[1] // 2)
    elif a["p"] == "tf":
        sides = zip(x[0][1:], kernel, stride, dilation, strict=True)
        totals = [max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0) for size, k, s, d in sides]
        padding, end = (totals[0] // 2, totals[1] // 2), (-(-totals[0] // 2), -(-totals[1] // 2))
        return {"kernel": kernel, "stride": stride, "padding": padding, **unless("padding_end", end, padding)}
    else:
        padding = pair(a, "p", least=0)
    return {"kernel": kernel, "stride": stride, "padding": padding}


def slide(x: Shapes, a: Attrs) -> tuple[int, int]:
    """Return the height and width that a sliding window leaves (the formula in torch's Conv2d and MaxPool2d)."""
    dilation = a.get("dilation", (1, 1))
    ends = a.get("padding_end", a["padding"])
    out = []
    for size, k, s, p, end, d in zip(x[0][1:], a["kernel"], a["stride"], a["padding"], ends, dilation, strict=True):
        room = size + p + end - d * (k - 1) - 1
        if room < 0:
            window = f"{show_shape(a['kernel'])} window" + (f" dilated by {show_shape(dilation)}" if d > 1 else "")
            raise ElaborationError(
                f"the spatial size vanishes: a {window} does not fit the {show_shape(x[0][1:])} map"
                f" with padding {show_shape(a['padding'])}",
                hint="use fewer strides or a larger input",
            )
        n = room // s + 1
        begins = size + p + (end if "padding_end" in a else 0)  # where the map is padded before it is pooled
        if a.get("ceil") and room % s and n * s < begins:  # the last window must begin in the map or its left padding
            n += 1
        out.append(n)
    return out[0], out[1]
