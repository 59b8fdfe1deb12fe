"""What stands for a module of another network that the language cannot say: its shapes and its cost, no more.

Nothing of a text is run: the name tells which module it was, and whoever builds the network gives that module.
"""

from __future__ import annotations

from fractions import Fraction

from archlab.errors import ElaborationError
from archlab.ir import Shape, show_shape
from archlab.ops.arguments import show, unless, whole, word
from archlab.ops.row import Attrs, Shapes, Stride

OPAQUE = "opaque"
"""What the operator is called."""
LAYOUTS = ("nchw", "nhwc", "nlc")
"""How a module may have its maps: channels first, channels last, or as tokens (batch, height · width, channels)."""
MOST = 2**31 - 1
"""The most parameters, and the most MACs: the largest number of a text."""


def opaque_attrs(x: Shapes, a: Attrs) -> Attrs:
    if not isinstance(a["name"], str):
        raise ElaborationError(f"name must be the original's path in quotes, not {show(a['name'])}")
    takes = _shape_of(a, "takes")
    layout = LAYOUTS[0] if a["layout"] == 0 else word(a, "layout", LAYOUTS)
    return {
        "name": a["name"],
        "takes": takes,
        "out": takes if a["out"] == 0 else _shape_of(a, "out"),
        "params": whole(a, "params", least=0),
        "macs": whole(a, "macs", least=0),
        **unless("layout", layout, LAYOUTS[0]),
        **unless("out_layout", layout if a["out_layout"] == 0 else word(a, "out_layout", LAYOUTS), layout),
    }


def _shape_of(a: Attrs, name: str) -> Shape:
    """Return channels, height and width, or features."""
    value = a[name]
    dims = value if isinstance(value, tuple) else (value,)
    if len(dims) not in (1, 3) or any(isinstance(d, bool) or not isinstance(d, int) or d < 1 for d in dims):
        raise ElaborationError(f"{name} must be a map such as 256x14x14 or a number of features, not {show(value)}")
    return dims


def opaque_shape(x: Shapes, a: Attrs) -> Shape:
    if x[0] != a["takes"]:
        raise ElaborationError(
            f'"{a["name"]}" takes {show_shape(a["takes"])}, and is given {show_shape(x[0])}',
            hint="it stands for one module as it is: the layers before it must give what that takes",
        )
    return tuple(a["out"])


def opaque_weights(x: Shapes, a: Attrs) -> dict[str, Shape]:
    """Its parameters as one tensor: how many there are is all that is known of them."""
    return {"parameters": (a["params"],)} if a["params"] else {}


def opaque_stride(a: Attrs) -> Stride | None:
    if len(a["takes"]) != 3 or len(a["out"]) != 3:
        return None
    (_, *before), (_, *after) = a["takes"], a["out"]
    return Fraction(before[0], after[0]), Fraction(before[1], after[1])
