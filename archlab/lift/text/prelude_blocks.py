"""The blocks that come with the language, found in a tree.

A window of layers that looks like a block gives the arguments that the block would have; the block with these is
elaborated, and it is found where that gives the very same layers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from archlab.errors import ArchlabError
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.layers import (
    ACTIVATIONS,
    DEFAULT,
    NONE,
    As,
    Call,
    Chain,
    Form,
    Layer,
    Value,
    calls_in,
    chain,
    rebuilt,
)
from archlab.lift.text.prelude_samples import GATES, UNITS, elaborated, samples, skeleton
from archlab.lift.text.written import expr_of, prelude_params

_DECIMALS = 3
"""A ratio of channels is written where it has no more decimals than this."""


def with_prelude_blocks(tree: Chain, defaults: Defaults = NO_DEFAULTS) -> Chain:
    """Return ``tree`` with the prelude's blocks where it has their operators."""
    gated = rebuilt(tree, lambda layers: _replaced(layers, GATES, defaults))
    gates = [call for call in calls_in(gated) if call.name in GATES]
    if len({gate["n"] == DEFAULT for gate in gates}) > 1:
        gated = rebuilt(gated, lambda layers: chain(tuple(map(_counted, layers.items)), layers.x))
    return _with_units(gated, defaults)


def _counted(item: Layer) -> Layer:
    """A squeeze-excite by the number of channels in its middle, as others of the network need it."""
    if not isinstance(item, Call) or item.name not in GATES or item["n"] != DEFAULT:
        return item
    r = item["r"]
    assert isinstance(r, int | float)
    given = {**dict(item.args), "r": prelude_params()[item.name]["r"] or 0, "n": int(max(1, item.x[0] * r))}
    return replace(item, args=tuple(given.items()))


def _with_units(layers: Chain, defaults: Defaults) -> Chain:
    """From the outside inwards: what a block is made of may look like a smaller block."""
    found = _replaced(layers, UNITS, defaults)
    return chain(tuple(_inside(item, defaults) for item in found.items), layers.x)


def _inside(item: Layer, defaults: Defaults) -> Layer:
    if isinstance(item, Form):
        branches = tuple(_with_units(branch, defaults) for branch in item.branches)
        return Form(item.name, branches, item.x, item.y, item.count, item.node)
    if isinstance(item, As):
        inner = _inside(item.layer, defaults)
        assert not isinstance(inner, As)
        return replace(item, layer=inner)
    return item


def _replaced(layers: Chain, names: tuple[str, ...], defaults: Defaults) -> Chain:
    known = samples(names)
    longest = max(map(len, known))
    bare = tuple(item.layer if isinstance(item, As) else item for item in layers.items)
    bones = tuple(map(skeleton, bare))
    items: list[Layer] = []
    i = 0
    while i < len(bones):
        for n in range(_until_name(layers.items, i, longest), 0, -1):
            blocks = known.get(bones[i : i + n], ())
            call = next((c for name in blocks if (c := _call(name, bare[i : i + n], defaults))), None)
            if call is not None and not (i and _lacks_its_head(call, bare[i - 1])):
                last = layers.items[i + n - 1]
                items.append(replace(last, layer=call) if isinstance(last, As) else call)
                i += n
                break
        else:
            items.append(layers.items[i])
            i += 1
    return chain(tuple(items), layers.x)


def _until_name(items: tuple[Layer, ...], start: int, longest: int) -> int:
    """How many layers from ``start`` may be a block: what it gives may have a name, and nothing inside."""
    most = min(longest, len(items) - start)
    return next((n for n in range(1, most) if isinstance(items[start + n - 1], As)), most)


def _lacks_its_head(call: Call, before: Layer) -> bool:
    """Whether a unit without expansion follows a pointwise convolution, which is then more likely its expansion."""
    return dict(call.args).get("e") == 1 and isinstance(before, Call) and dict(before.args).get("k") == 1


def _call(name: str, items: tuple[Layer, ...], defaults: Defaults) -> Call | None:
    """The call of a block that is just ``items``."""
    window = chain(items, items[0].x)
    x = window.x
    if len(x) != 3:
        return None
    facts = _Facts(window)
    if name == "factorised" and not any(isinstance(conv["k"], tuple) for conv in facts.convs):
        return None  # two pointwise convolutions are no factors of a kernel
    for values in itertools.product(*(tuple(READERS[param](facts)) for param in prelude_params()[name])):
        args = tuple(zip(prelude_params()[name], values, strict=True))
        call = Call(name, args, x, window.y, getattr(items[-1], "node", ""))
        try:
            same = elaborated(expr_of(call, prelude_params(defaults)), x, defaults)
        except ArchlabError:
            continue
        if (same if name in GATES else rebuilt(same, lambda layers: _replaced(layers, GATES, defaults))) == window:
            return call
    return None


# --- arguments -------------------------------------------------------------------------------------------------------


class _Facts:
    """What the arguments of a block are read from."""

    def __init__(self, window: Chain) -> None:
        self.x, self.y = window.x, window.y
        self.calls = list(calls_in(window))
        self.convs = [c for c in self.calls if c.name in ("conv", "conv2d", "depthwise")]
        self.dense = [c for c in self.convs if c.name != "depthwise"]
        self.depthwise = [c for c in self.convs if c.name == "depthwise"]
        self.gate = next((c for c in self.calls if c.name == "squeeze_excite"), None)
        fused = [c["act"] for c in self.convs if c.name != "conv2d"]
        alone = [Call(c.name, c.args) for c in self.calls if c.name in ACTIVATIONS]
        self.acts = [act for act in (*fused, *alone) if act != NONE]
        paddings = [dict(c.args).get("p") for c in self.convs if dict(c.args).get("k") != 1]
        self.padding: Value = next((p for p in paddings if p is not None), "same")
        self.norms = [c["norm"] for c in self.convs if c.name != "conv2d"]

    def largest(self, param: str, calls: list[Call]) -> Value:
        """The largest value of a parameter; 1 where there is none."""
        values = [value for c in calls if (value := dict(c.args).get(param)) is not None]
        return max(values, key=_size, default=1)


def _size(value: Value) -> tuple[float, ...]:
    if isinstance(value, tuple):
        return (max(value), *value)
    return (value, value) if isinstance(value, int | float) else (0,)


def _ratio(a: int, b: int) -> Iterator[Value]:
    ratio = a / b
    if round(ratio, _DECIMALS) == ratio:
        yield int(ratio) if ratio == int(ratio) else ratio


def _expansion(facts: _Facts) -> Iterator[Value]:
    if not facts.dense:
        return
    first = facts.convs[0]
    if first.name == "depthwise":
        yield 1
        return
    yield from _ratio(first.y[0], facts.y[0])
    yield from _ratio(first.y[0], facts.x[0])


def _squeeze(facts: _Facts) -> Iterator[Value]:
    if facts.gate is None:
        yield 0
    elif facts.gate["n"] == DEFAULT:
        yield facts.gate["r"]


def _reduction(facts: _Facts) -> Iterator[Value]:
    if facts.x[0] % facts.convs[0].y[0] == 0:
        yield from _ratio(facts.convs[0].y[0], facts.x[0])
    yield prelude_params()["squeeze_excite"]["r"] or 0


def _first_groups(facts: _Facts) -> Iterator[Value]:
    if facts.dense:
        first = dict(facts.dense[0].args)["g"]
        yield DEFAULT if first == facts.largest("g", facts.dense) else first


READERS: Mapping[str, Callable[[_Facts], Iterator[Value]]] = {
    "c": lambda facts: iter((facts.y[0],)),
    "k": lambda facts: iter((_kernel(facts),)),
    "s": lambda facts: iter((_largest_side(facts.largest("s", facts.calls)),)),
    "g": lambda facts: iter((facts.largest("g", facts.dense),)),
    "g1": _first_groups,
    "e": _expansion,
    "p": lambda facts: iter((facts.padding,)),
    "dm": lambda facts: iter((facts.largest("dm", facts.depthwise),)),
    "se": _squeeze,
    "r": _reduction,
    "n": lambda facts: iter((DEFAULT, facts.convs[0].y[0])),
    "act": lambda facts: iter(facts.acts[:1] or [NONE]),
    "gate": lambda facts: iter(facts.acts[-1:] or [NONE]),
    "norm": lambda facts: iter(facts.norms[:1] or [NONE]),
}
"""What a block's parameter may be, by the parameter's name: the likeliest first."""


def _kernel(facts: _Facts) -> Value:
    return _largest_side(facts.largest("k", facts.convs))


def _largest_side(value: Value) -> Value:
    return max(value) if isinstance(value, tuple) else value  # factorised: 1xk and kx1
