"""Convolutions with norm and activation written apart where that is shorter."""

from __future__ import annotations

from archlab.lift.text.layers import DEFAULT, NONE, Call, Chain, Layer, Value, chain
from archlab.lift.text.written import Blocks, text_of

WORTH = 4
"""Characters that must be saved before a block of the language is taken apart."""


def plain_where_shorter(layers: Chain, blocks: Blocks) -> Chain:
    """Return ``layers`` with each ``conv`` as ``conv2d``, norm and activation where these are fewer characters."""
    items: list[Layer] = []
    for item in layers.items:
        apart = _apart(item) if isinstance(item, Call) else ()
        shorter = (
            apart and len(" -> ".join(text_of(part, blocks) for part in apart)) < len(text_of(item, blocks)) - WORTH
        )
        items += apart if shorter else (item,)
    return chain(tuple(items), layers.x)


def _apart(call: Call) -> tuple[Layer, ...]:
    """The operators that ``call`` stands for, where it is a convolution with norm or activation; nothing elsewhere."""
    if call.name not in ("conv", "depthwise"):
        return ()
    given = dict(call.args)
    if call.name == "depthwise":
        if given["dm"] != 1 or not isinstance(given["norm"], Call):
            return ()
        given |= {"c": call.x[0], "g": call.x[0], "d": 1, "p": "same", "bias": DEFAULT}
    norm, act = given["norm"], given["act"]
    if not isinstance(norm, Call) or not isinstance(act, Call):
        return ()
    bias: Value = int(norm == NONE) if given["bias"] == DEFAULT else given["bias"]
    conv = Call("conv2d", (*((p, given[p]) for p in ("c", "k", "s", "g", "d", "p")), ("bias", bias)), call.x, call.y)
    behind = (Call(layer.name, layer.args, call.y, call.y) for layer in (norm, act) if layer != NONE)
    return conv, *behind
