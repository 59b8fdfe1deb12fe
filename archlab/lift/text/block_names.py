"""Names of blocks, by what they are made of."""

from __future__ import annotations

from collections.abc import Collection

from archlab.lift.text.layers import ACTIVATIONS, NORMS, Call, Chain, Form, calls_in

_TAKEN = ("in", "s", "c", "k", "e", "m", "g", "stem", "head", "body")
_CONVOLUTIONS = ("conv", "conv2d", "depthwise")


def block_name(body: Chain, taken: Collection[str]) -> str:
    """Return a name for a block: that of its role, with a number where it is taken.

    >>> block_name(Chain((Call("conv"),)), {"conv", "unit"})
    'unit2'
    """
    base = _role(body)
    name, n = base, 2
    while name in taken or name in _TAKEN:
        name, n = f"{base}{n}", n + 1
    return name


def _role(body: Chain) -> str:
    forms = [item for item in body.items if isinstance(item, Form)]
    if forms:
        return _role_of_form(forms[0], body)
    names = [item.name for item in body.items if isinstance(item, Call)]
    if len(names) == 1:
        return _role_of_call(names[0])
    if any(isinstance(item, Call) and _strides(item) for item in body.items):
        return "down"
    if any(name.endswith("pool") for name in names):
        return "pooled"
    if "upsample" in names:
        return "up"
    if names[0] in (*NORMS, *ACTIVATIONS):
        return "preact"
    return "sep" if "depthwise" in names else "unit"


def _role_of_call(name: str) -> str:
    if name.endswith("pool"):
        return "pool"
    return {"inverted": "mb", "squeeze_excite": "se", "depthwise": "dw", **dict.fromkeys(NORMS, "norm")}.get(
        name, "unit"
    )


def _role_of_form(form: Form, body: Chain) -> str:
    calls = list(calls_in(Chain((form,))))
    names = [call.name for call in calls]
    if form.name == "cat":
        if any(not branch.items for branch in form.branches):
            return "dense"
        return "fire" if body.items[0] != form and len(form.branches) == 2 else "mixed"
    if form.name in ("residual", "skip"):
        depthwise = any(
            n == "depthwise" or (n in _CONVOLUTIONS and _is_depthwise(c)) for n, c in zip(names, calls, strict=True)
        )
        return "mb" if depthwise else "res"
    return {"split": "halves", "add": "branches", "mul": "gated", "repeat": "run"}.get(form.name, "unit")


def _strides(call: Call) -> bool:
    stride = dict(call.args).get("s")
    return stride != 1 and isinstance(stride, int | tuple)


def _is_depthwise(call: Call) -> bool:
    groups = dict(call.args).get("g")
    return bool(call.x) and groups == call.x[0] and call.x[0] > 1
