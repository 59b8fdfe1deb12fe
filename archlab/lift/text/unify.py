"""One block for several places that are alike: what they share is its body, what differs its parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from archlab.grammar import ast
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.layers import (
    Call,
    Chain,
    Default,
    Value,
    says_in,
)
from archlab.lift.text.leaves import Leaf, Place, filled, leaves
from archlab.lift.text.written import Params, prelude_params

CHANNELS = frozenset({"c", "n", "g"})
"""Parameters that count channels, or follow from a number of channels."""
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Unified:
    """A block for several places.

    Attributes:
        params: its parameters, each with its default: those without one first.
        body: its layers.
        args: the values of the parameters at each place.
    """

    params: Params
    body: Chain
    args: tuple[tuple[Value, ...], ...]


@dataclass(slots=True)
class _Parameters:
    """The parameters so far: the values of each at all places."""

    values: dict[str, tuple[Value, ...]] = field(default_factory=dict)

    def channels(self, base: str, values: tuple[Value, ...]) -> ast.Expr:
        """The same for channels, which may be those of another parameter."""
        for name, known in self.values.items():
            if known == values and name[0] in "cm":
                return ast.Name(name)
        return self.named(base, values)

    def named(self, base: str, values: tuple[Value, ...]) -> ast.Expr:
        """Return the parameter of these values: one that is there, or a new one."""
        for name, known in self.values.items():
            if known == values and name.rstrip("0123456789") == base:
                return ast.Name(name)
        name, n = base, 2
        while name in self.values or name in prelude_params():
            name, n = f"{base}{n}", n + 1
        self.values[name] = values
        return ast.Name(name)


def unify(places: Sequence[Place], defaults: Defaults = NO_DEFAULTS) -> Unified | None:
    """Return the block that gives each of ``places`` for its arguments; all have the same skeleton.

    None where a default that is computed at one place is written at another in a way that cannot be made explicit.
    """
    read = [list(leaves(p.layers, p.layers.x[0] if p.fixed else None)) for p in places]
    columns = [_explicit(column) for column in zip(*read, strict=True)]
    if any(column is None for column in columns):
        return None
    known = _Parameters()
    outs = tuple(p.layers.y[0] for p in places)
    widths = [tuple(leaf.value for leaf in column) for column in columns if column and column[0].param == "c"]
    if outs in widths and len(set(outs)) > 1 and all(p.fixed for p in places):
        known.named("c", outs)
    slots = [_slot(column, known) for column in columns if column]
    if any(slot is None for slot in slots):
        return None
    values = iter([slot for slot in slots if slot is not None])
    body = filled(places[0].layers, values)
    if "c" not in known.values and (last := _last_channels(body)) in known.values:
        known.values = {"c" if name == last else name: values for name, values in known.values.items()}
        body = _renamed(body, last)
    params = _with_defaults(known, defaults)
    args = tuple(tuple(known.values[name][i] for name in params) for i in range(len(places)))
    return Unified(params, body, args)


def _explicit(column: tuple[Leaf, ...]) -> tuple[Leaf, ...] | None:
    """A column without a mixture of computed defaults and values."""
    kinds = {isinstance(leaf.value, Default) for leaf in column}
    return column if len(kinds) == 1 else None


def _last_channels(body: Chain) -> str:
    """The parameter that the last convolution has for its channels; empty where there is none."""
    last = body.items[-1]
    channels = dict(last.args).get("c") if isinstance(last, Call) else None
    return channels.name if isinstance(channels, ast.Name) else ""


def _renamed(layers: Chain, name: str) -> Chain:
    """``layers`` with the parameter ``name`` as ``c``."""
    columns = (leaf.value for leaf in leaves(layers, None))
    return filled(layers, iter([_renamed_value(value, name) for value in columns]))


def _renamed_value(value: Value, name: str) -> Value:
    if value == ast.Name(name):
        return ast.Name("c")
    if isinstance(value, ast.Binary) and value.left == ast.Name(name):
        return ast.Binary(value.op, ast.Name("c"), value.right)
    return value


# --- parameters ------------------------------------------------------------------------------------------------------


def _slot(column: tuple[Leaf, ...], known: _Parameters) -> Value | None:
    """What stands in the body for the values of one column; None where nothing can."""
    values = tuple(leaf.value for leaf in column)
    first = column[0]
    if first.depth and any(map(says_in, values)):
        return _entering(column)
    symbolic = any(isinstance(v, ast.Expr) for v in values)
    if len(set(values)) == 1 and not symbolic:
        return values[0]
    if first.param in CHANNELS and not symbolic and all(isinstance(v, int) for v in values):
        return _channels(first.param, tuple(v for v in values if isinstance(v, int)), column, known)
    if first.param in CHANNELS:
        return known.channels({"c": "m"}.get(first.param, first.param), values)
    return known.named(first.param, values)


def _entering(column: tuple[Leaf, ...]) -> Value | None:
    """Of values inside a form, where ``in`` is what enters the form and no argument of the block: the one for all."""
    written = {leaf.value for leaf in column if says_in(leaf.value)}
    if len(written) > 1:
        return None
    said = written.pop()
    return said if all(leaf.value == said or leaf.value == _worth(said, leaf.channels) for leaf in column) else None


def _worth(said: Value, channels: int | None) -> Value | None:
    """What ``in``, or a multiple of it, is where so many channels enter."""
    if channels is None or not isinstance(said, ast.Binary):
        return channels
    times_ = said.right.value if isinstance(said.right, ast.Number) else 0
    return channels * times_ if said.op == "*" else channels / times_ if times_ else None


def _channels(param: str, values: tuple[int, ...], column: tuple[Leaf, ...], known: _Parameters) -> Value:
    """Channels that differ: a multiple of those of the block, of those that enter, or a parameter."""
    for name, of in known.values.items():
        if name[0] in "cm" and (ratio := _constant(values, of)) is not None:
            return times(ast.Name(name), ratio)
    entering = tuple(leaf.channels for leaf in column)
    if (ratio := _constant(values, entering)) is not None:
        return times(ast.Name("in"), ratio)
    ratios = _ratios(values, entering)
    if ratios and len(set(ratios)) < len(set(values)):
        return ast.Binary("*", ast.Name("in"), known.named({"n": "r"}.get(param, "e"), ratios))
    return known.named({"c": "m"}.get(param, param), values)


def _ratios(values: tuple[int, ...], of: Sequence[Value | None]) -> tuple[Value, ...] | None:
    """The quotients of two columns, where each is short and gives its value back."""
    ratios: list[Value] = []
    for value, base in zip(values, of, strict=True):
        if not isinstance(base, int) or base == 0:
            return None
        ratio = round(value / base, _DECIMALS)
        if base * ratio != value:
            return None
        ratios.append(int(ratio) if ratio == int(ratio) else ratio)
    return tuple(ratios)


def _constant(values: tuple[int, ...], of: Sequence[Value | None]) -> tuple[int, int] | None:
    """The one quotient of two columns as a multiple, or as a part, which is divided by."""
    if any(not isinstance(base, int) for base in of):
        return None
    a, b = values[0], of[0]
    assert isinstance(b, int)
    if any(value * b != a * base for value, base in zip(values, of, strict=True) if isinstance(base, int)):
        return None
    if a % b == 0:
        return a // b, 1
    return (1, b // a) if b % a == 0 else None


def times(base: ast.Expr, ratio: tuple[int, int]) -> ast.Expr:
    """Return ``base`` times a ratio, of which one number is 1."""
    if ratio[1] > 1:
        return ast.Binary("/", base, ast.Number(ratio[1]))
    return base if ratio[0] == 1 else ast.Binary("*", base, ast.Number(ratio[0]))


_ORDER = {"c": 0, "m": 1, "k": 2, "s": 3}


def _with_defaults(known: _Parameters, defaults: Defaults) -> Params:
    names = sorted(known.values, key=lambda name: _ORDER.get(name[0], 4))
    params = {name: _default(name, known.values[name], defaults) for name in names}
    return dict(sorted(params.items(), key=lambda item: item[1] is not None))


def _default(name: str, values: tuple[Value, ...], defaults: Defaults) -> Value | None:
    """The commonest value where it is that of half of the places; strides begin at 1."""
    if name == "s":
        return 1
    if (of_text := dict(defaults.given).get(name)) is not None:
        return of_text  # which takes the place of any other
    if name[0] in "cm":
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if 2 * count >= len(values) and not isinstance(value, ast.Expr) else None
