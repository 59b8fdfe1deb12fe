"""Where a map's channels, rows and columns lie in a tensor, however it was permuted, split, merged and flattened.

A map of the language has channels, height and width. A tensor that holds one may have them in any order and in pieces:
channels last, as tokens, or as groups of channels. Each axis of the tensor is a row of atoms, from the slowest to the
fastest, and an atom is a piece of the batch ``n``, the channels ``c``, the rows ``h`` or the columns ``w``: ``size``
steps, each of ``stride`` of them. So ``(N, g, C / g, H, W)`` is ``n``, ``c`` of g steps of C / g, ``c`` of C / g steps
of 1, ``h``, ``w``. Pieces of one step are left out, except the batch, which is always there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from archlab.ir import Shape


@dataclass(frozen=True, slots=True)
class Atom:
    """``size`` steps of ``stride`` along the batch, the channels, the rows or the columns."""

    letter: str
    size: int
    stride: int = 1


Axis = tuple[Atom, ...]
Axes = tuple[Axis, ...]


def whole(letter: str, size: int) -> Axis:
    """Return the axis that has all of one letter."""
    return (Atom(letter, size),) if size > 1 or letter == "n" else ()


def map_axes(batch: int, shape: Shape) -> Axes:
    """Return the axes of (N, C, H, W), or of (N, F)."""
    return tuple(whole(letter, size) for letter, size in zip("nchw", (batch, *shape), strict=False))


def flat_axes(batch: int, shape: Shape) -> Axes:
    """Return the axes of (N, C·H·W)."""
    first, *rest = map_axes(batch, shape)
    return first, tuple(atom for axis in rest for atom in axis)


def layout_of(axes: Axes) -> str | None:
    """Return how the four axes of a map lie, such as ``nhwc``; None where they are in pieces.

    >>> layout_of((whole("n", 2), whole("h", 4), whole("w", 1), whole("c", 8)))
    'nhwc'
    """
    if len(axes) != 4 or any(len(axis) > 1 for axis in axes):
        return None
    there = {letter for axis in axes for letter in letters(axis)}
    missing = [letter for letter in "nchw" if letter not in there]
    layout = "".join(axis[0].letter if axis else missing.pop(0) for axis in axes)
    return layout if set(layout) == set("nchw") else None


def map_order(axis: Axis) -> tuple[int, ...]:
    """Return which piece of an axis comes first, second and so on in the order of channels, rows, columns.

    >>> map_order((Atom("h", 4), Atom("w", 4), Atom("c", 8)))
    (2, 0, 1)
    """
    return tuple(sorted(range(len(axis)), key=lambda i: ("nchw".index(axis[i].letter), -axis[i].stride)))


def size_of(axis: Axis) -> int:
    """Return how many steps an axis has."""
    return math.prod(atom.size for atom in axis)


def letters(axis: Axis) -> set[str]:
    """Return what an axis has pieces of."""
    return {atom.letter for atom in axis}


def regroup(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """Return the axes of a view as ``shape``; None where it cuts across pieces.

    >>> regroup(map_axes(2, (6, 4, 4)), (2, 3, 2, 4, 4))[1]
    (Atom(letter='c', size=3, stride=2),)
    """
    rest = [atom for axis in axes for atom in axis]
    # A batch of one image has no place of its own: it stays in front.
    one = [atom for atom in rest if atom == Atom("n", 1)]
    rest = [atom for atom in rest if atom != Atom("n", 1)]
    found: list[Axis] = []
    for size in shape:
        taken: list[Atom] = []
        while size > 1:
            if not rest:
                return None
            atom = rest.pop(0)
            if size % atom.size == 0:
                taken.append(atom)
                size //= atom.size
            elif atom.size % size == 0:
                inner = atom.size // size
                taken.append(Atom(atom.letter, size, atom.stride * inner))
                rest.insert(0, Atom(atom.letter, inner, atom.stride))
                size = 1
            else:
                return None
        found.append(merged(taken))
    if rest or (one and not found):
        return None
    return ((*one, *found[0]), *found[1:]) if one else tuple(found)


def merged(atoms: Sequence[Atom]) -> Axis:
    """Join neighbours that continue each other."""
    out: list[Atom] = []
    for atom in atoms:
        before = out[-1] if out else None
        if before is not None and before.letter == atom.letter and before.stride == atom.size * atom.stride:
            out[-1] = Atom(atom.letter, before.size * atom.size, atom.stride)
        else:
            out.append(atom)
    return tuple(out)


def aligned(first: Axes, second: Axes) -> Axes | None:
    """Return the axes of two tensors combined element by element, as broadcasting aligns them; None where it mixes."""
    rank = max(len(first), len(second))
    pairs = zip(_to_rank(first, rank), _to_rank(second, rank), strict=True)
    joined = [_joined(a, b) for a, b in pairs]
    return None if any(axis is None for axis in joined) else tuple(axis for axis in joined if axis is not None)


def _to_rank(axes: Axes, rank: int) -> Axes:
    return ((),) * (rank - len(axes)) + axes


def _joined(a: Axis, b: Axis) -> Axis | None:
    if a == b or not b:
        return a
    return b if not a else None
