"""Pooling, over windows and over whole maps."""

from __future__ import annotations

from typing import Any

from archlab.lift.canonical.axes import Axes, letters, size_of, whole
from archlab.lift.canonical.builder import Builder, padding_of
from archlab.lift.canonical.rules.convolutions import around, as_tensorflow
from archlab.lift.canonical.rules.rule import Use, pair
from archlab.lift.canonical.values import Operand, UnsayableError, Value

_NEVER_WINS = -1e4
"""What is padded around a maximum: this or less."""


def max_pool2d(use: Use, build: Builder) -> Operand:
    x = build.map(use.x, padded=True)
    k, s = _window(use)
    d = pair(use["dilation"])
    own, unsaid = around(use["padding"], k, d), padding_of(x)
    rows = own.top + unsaid.top, own.bottom + unsaid.bottom
    columns = own.left + unsaid.left, own.right + unsaid.right
    args = {"k": k, "s": s, "ceil": int(bool(use["ceil_mode"])), **({} if d == (1, 1) else {"d": d})}
    p: Any = (own.top, own.left)
    if unsaid.value <= _NEVER_WINS:  # as torch pads itself
        p = _said(build, x, k, s, d, rows, columns)
        step = x.step
    else:
        step = build.plain(x).step
    return build.value(build.add("maxpool", [step], {**args, "p": p}))


def avg_pool2d(use: Use, build: Builder) -> Operand:
    x = build.map(use.x, padded=True)
    if use["divisor_override"] is not None:
        raise UnsayableError(f"it divides by {use['divisor_override']}")
    k, s = _window(use)
    p: Any = pair(use["padding"])
    counts = bool(use["count_include_pad"]) or p == (0, 0)
    unsaid = padding_of(x)
    step = x.step
    if x.padding is not None and not unsaid.value and p == (0, 0) and not use["ceil_mode"]:
        p = _said(build, x, k, s, (1, 1), (unsaid.top, unsaid.bottom), (unsaid.left, unsaid.right), or_none=True)
        if p is None or (isinstance(p, tuple) and any(2 * a > b for a, b in zip(p, k, strict=True))):
            p = (0, 0)
            step = build.plain(x).step
    elif x.padding is not None:
        step = build.plain(x).step
    if (k, s, p) == ((1, 1), (1, 1), (0, 0)):
        return build.value(step)
    args = {"k": k, "s": s, "p": p, "ceil": int(bool(use["ceil_mode"])), **({} if counts else {"count_pad": 0})}
    return build.value(build.add("avgpool", [step], args))


def _window(use: Use) -> tuple[tuple[int, int], tuple[int, int]]:
    k = pair(use["kernel_size"])
    return k, pair(use["stride"]) if use["stride"] not in (None, ()) else k


def _said(build: Builder, x: Value, k: Any, s: Any, d: Any, rows: Any, columns: Any, or_none: bool = False) -> Any:
    """Return the padding as the language says it."""
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return rows[0], columns[0]
    sizes = build.shape_of(x.step)[1:]
    if (rows, columns) == tuple(as_tensorflow(sizes[i], k[i], s[i], d[i]) for i in (0, 1)):
        return "tf"
    if or_none:
        return None
    raise UnsayableError(f"it is padded by {rows} rows and {columns} columns")


def adaptive_avg_pool2d(use: Use, build: Builder) -> Operand:
    x = build.map(use.x)
    sizes = build.shape_of(x.step)[1:]
    asked = use["output_size"]
    size = tuple(old if new is None else new for old, new in zip(sizes, _two(asked), strict=True))
    if size == (1, 1):
        return build.value(build.add("gap", [x.step]))
    if size == sizes:
        return x
    return build.value(build.add("adaptive_avgpool", [x.step], {"n": size}))


def adaptive_max_pool2d(use: Use, build: Builder) -> Operand:
    x = build.map(use.x)
    if tuple(_two(use["output_size"])) != (1, 1):
        raise UnsayableError("maxima over a grid cannot be said, over the whole map alone")
    return build.value(build.add("gmp", [x.step])), None


def _two(value: Any) -> tuple[Any, Any]:
    return (value[0], value[-1]) if isinstance(value, tuple) else (value, value)


def mean(use: Use, build: Builder) -> Operand:
    """The mean over all places of a map."""
    return _over_places(use, build, "gap", "mean")


def amax(use: Use, build: Builder) -> Operand:
    """The maximum over all places of a map."""
    return _over_places(use, build, "gmp", "maximum")


def _over_places(use: Use, build: Builder, op: str, words: str) -> Operand:
    x = build.plain(use.x)
    axes = reduced_axes(use, x)
    shape = build.shape_of(x.step)
    found = {atom for i in axes for atom in x.axes[i]}
    places = {atom for letter, size in zip("hw", shape[1:], strict=False) for atom in whole(letter, size)}
    split = {letter for i in axes for letter in letters(x.axes[i])}
    if len(shape) != 3 or not (found == places or _covers(x.axes, axes, shape)) or split & {"n", "c"}:
        raise UnsayableError(f"its {words} is not over all places of a map, but over axes {axes} of {x.shape}")
    return build.value(build.add(op, [x.step]), without(x.axes, axes, bool(use["keepdim"])))


def _covers(all_axes: Axes, axes: tuple[int, ...], shape: Any) -> bool:
    """Return whether these axes have all places, though in pieces."""
    atoms = [atom for i in axes for atom in all_axes[i]]
    sizes = dict.fromkeys("hw", 1)
    for atom in atoms:
        sizes[atom.letter] = sizes.get(atom.letter, 1) * atom.size
    return (sizes["h"], sizes["w"]) == tuple(shape[1:])


def reduced_axes(use: Use, x: Value) -> tuple[int, ...]:
    """Return the axes that an operator reduces, counted from the front."""
    dims = use["dim"]
    rank = len(x.axes)
    if dims is None or dims == ():
        return tuple(range(rank))
    return tuple(sorted(d % rank for d in (dims if isinstance(dims, tuple) else (dims,))))


def without(axes: Axes, gone: tuple[int, ...], keep: bool) -> Axes:
    """Return the axes after some were reduced: empty where they are kept."""
    return tuple(() if i in gone else axis for i, axis in enumerate(axes) if keep or i not in gone)


def total(use: Use, build: Builder) -> Operand:
    """The sum over groups of channels that lie one after another."""
    x = build.plain(use.x)
    axes = reduced_axes(use, x)
    c = build.shape_of(x.step)[0]
    atoms = x.axes[axes[0]] if len(axes) == 1 else ()
    if len(atoms) != 1 or atoms[0].letter != "c" or atoms[0].size * atoms[0].stride != c or size_of(atoms) == c:
        raise UnsayableError(f"its sum is not over groups of channels, but over axes {axes} of {x.shape}")
    step = build.add("group_sum", [x.step], {"g": atoms[0].size})
    return build.value(step, without(x.axes, axes, bool(use["keepdim"])))


def softmax(use: Use, build: Builder) -> Operand:
    """Over groups of channels against each other, or over all features."""
    x = build.plain(use.x)
    atoms = x.axes[int(use["dim"]) % len(x.axes)]
    c = build.shape_of(x.step)[0]
    if len(atoms) != 1 or atoms[0].letter != "c" or atoms[0].size * atoms[0].stride != c:
        raise UnsayableError("it is not over all channels or groups of them")
    return build.value(build.add("softmax", [x.step], {"g": atoms[0].size}), x.axes)
