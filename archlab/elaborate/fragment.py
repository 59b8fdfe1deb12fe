"""Fragments: elaborated pieces of a network with one input and one output, and their cost in closed form.

A search elaborates the same block on the same input again and again, so a fragment is made once and shared: it knows
its own totals, and the totals of whatever is built from fragments are sums and maxima of theirs.
Only ``archlab.elaborate.emit`` gives the pieces of a network names of their own.

A piece in which a value is named, or a named value is read, has no lifetimes of its own until all its values are known:
``archlab.elaborate.lifetimes`` settles it then, and leaves out what nothing reads.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType

from archlab.errors import ElaborationError
from archlab.ir import Applied, Shape, numel
from archlab.ops import OPS, Stride, apply_op

NamedFragment = tuple[str, "Fragment"]
_NO_VALUES: frozenset[Hashable] = frozenset()


class Nothing(tuple[int, ...]):
    """The shape of what contributes nothing: what its layer would give otherwise; equal to no other."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nothing) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(("nothing", *self))


@dataclass(slots=True, eq=False)  # never changed; frozen, it takes six times as long to make
class Values:
    """What a piece has to do with named values.

    Attributes:
        given: the value under which its output is kept.
        taken: the value that it gives, whatever enters it.
        bound, read: all values that are named, or read, in it.
        fan: its parts all take what enters it and nothing joins them: it gives what the one that is not nothing gives.
    """

    given: Hashable = None
    taken: Hashable = None
    bound: frozenset[Hashable] = frozenset()
    read: frozenset[Hashable] = frozenset()
    fan: bool = False

    @property
    def open(self) -> bool:
        """Whether a value is read that is named elsewhere."""
        return not self.read <= self.bound


@dataclass(frozen=True, slots=True)
class Outline:
    """The steps of a piece with named values, the same wherever it stands; see ``archlab.elaborate.replay``.

    Values are numbered: 0 is what enters it, then come those named elsewhere, then what each step gives.

    Attributes:
        steps: pieces without named values, and joins, in running order: what enters each, and what it reads.
        outside: the values that it reads and that are named elsewhere.
        named: the values that it names, with their numbers.
        output: the number of what it gives.
    """

    steps: tuple[tuple[Fragment, int, tuple[int, ...]], ...]
    outside: tuple[Hashable, ...]
    named: tuple[tuple[Hashable, int], ...]
    output: int


class Fragment:
    """A piece of a network; immutable once made, and shared between the networks that hold it.

    Attributes:
        shape: the output's shape.
        params, macs, other, activations: totals for one image; see ``archlab.ir.Node``.
        nodes: how many operators it holds.
        peak: the most elements alive at once while it runs, its input until its last use included.
        during: the most elements alive besides the input while the input is alive.
        after: the most elements alive once the input has been used for the last time; 0 where it never has.
        views: it allocates nothing: its output is its input's memory.
        parts: its pieces by name: a chain in order, or the branches of a join.
        op: the operator of a leaf, or the join that ends the branches; a ``Node`` where the leaf has its name and its
            inputs already, such as those of a detector's neck: nodes, or stages for what they put out.
        block: the block of the language that it is; empty where it is none.
        half: the last of the halves of what draws share that has it; see ``archlab.elaborate.shared``.
        stride: pixels of its input per pixel of its output, once ``detector_stages`` has asked for it.
        values: named values in it; None where there are none, or where they concern nobody outside.
        outline: its steps, once a replay has asked for them; None where they depend on where it stands.
        unsettled: for a piece with settled values, the piece as it was before.
    """

    __slots__ = (
        "activations",
        "after",
        "block",
        "during",
        "half",
        "macs",
        "nodes",
        "op",
        "other",
        "outline",
        "params",
        "parts",
        "peak",
        "shape",
        "stride",
        "unsettled",
        "values",
        "views",
    )

    def __init__(
        self,
        shape: Shape,
        parts: Sequence[NamedFragment],
        op: Applied | None,
        x: Shape,
        during: int,
        after: int,
        views: bool,
    ) -> None:
        self.shape = shape
        self.parts = parts
        self.op = op
        self.block = ""
        self.half = 0
        self.stride: Stride | EllipsisType | None = ...
        self.values: Values | None = None
        self.outline: Outline | EllipsisType | None = ...
        self.unsettled: Fragment | None = None
        self.during = during
        self.after = after
        self.peak = max(during + numel(x), after)
        self.views = views
        params = macs = other = activations = nodes = 0
        if op is not None:
            params, macs, other, activations, nodes = op.params, op.macs, op.other, op.activations, 1
        for _, part in parts:
            params += part.params
            macs += part.macs
            other += part.other
            activations += part.activations
            nodes += part.nodes
            if part.values is not None:
                self.values = _together(self.values, part.values)
        self.params: int = params
        self.macs: int = macs
        self.other: int = other
        self.activations: int = activations
        self.nodes: int = nodes

    @property
    def kept(self) -> bool:
        """Whether draws share it: what is computed of it is worth keeping too."""
        return self.half > 0


def _together(a: Values | None, b: Values) -> Values:
    """Return what a piece has to do with the values of two of its parts; the same object again where it can be."""
    plain = b.given is None and b.taken is None and not b.fan
    if a is None:
        return b if plain else Values(bound=b.bound, read=b.read)
    if b.bound <= a.bound and b.read <= a.read:
        return a
    if plain and a.bound <= b.bound and a.read <= b.read:
        return b
    return Values(bound=_union(a.bound, b.bound), read=_union(a.read, b.read))


def _union(a: frozenset[Hashable], b: frozenset[Hashable]) -> frozenset[Hashable]:
    return a if b <= a else b if a <= b else a | b


def gives_nothing(fragment: Fragment) -> bool:
    """Return whether a piece contributes nothing."""
    return type(fragment.shape) is Nothing


def is_identity(fragment: Fragment) -> bool:
    """Return whether a piece gives what enters it, and does nothing else."""
    return not fragment.nodes and fragment.values is None and not gives_nothing(fragment)


def nothing(shape: Shape, parts: Sequence[NamedFragment] = ()) -> Fragment:
    """A piece that contributes nothing; of ``parts`` only those that name values may matter."""
    kept = [(name, part) for name, part in parts if part.values is not None]
    fragment = Fragment(Nothing(shape), kept, None, (), 0, 0, views=True)
    if fragment.values is not None:
        fragment.values = replace(fragment.values, fan=True)
    return fragment


def value_of(value: Hashable, shape: Shape) -> Fragment:
    """A piece that gives a named value of ``shape``, whatever enters it."""
    if type(shape) is Nothing:
        return nothing(shape)
    fragment = Fragment(shape, (), None, shape, 0, 0, views=True)
    fragment.values = Values(taken=value, read=frozenset([value]))
    return fragment


def kept_as(fragment: Fragment, value: Hashable, x: Shape) -> Fragment:
    """``fragment`` on an input of shape ``x``, its output kept under ``value``."""
    kept = Fragment(fragment.shape, [("", fragment)], None, x, fragment.during, fragment.after, fragment.views)
    bound: frozenset[Hashable] = frozenset([value])
    read = _NO_VALUES
    if fragment.values is not None:
        bound, read = bound | fragment.values.bound, fragment.values.read
    kept.values = Values(given=value, bound=bound, read=read)
    return kept


def leaf(op: Applied, x: Shape) -> Fragment:
    """One operator on an input of shape ``x``."""
    if type(x) is Nothing:
        return nothing(op.shape)
    views = OPS[op.op].view
    return Fragment(op.shape, (), op, x, 0 if views else numel(op.shape), 0, views)


def chain(parts: Sequence[NamedFragment], x: Shape) -> Fragment:
    """``parts`` one after another, on an input of shape ``x``; without parts, the identity."""
    during = after = 0
    views = True
    shape = x
    for _, part in parts:
        if views:  # everything so far is the input's memory, so the part's input is the chain's
            during = max(during, part.during)
            after = max(after, part.after)
        else:
            after = max(after, part.during + numel(shape), part.after)
        views = views and part.views
        shape = part.shape
    if type(shape) is Nothing and all(part.values is None for _, part in parts):
        return nothing(shape)
    return Fragment(shape, parts, None, x, during, after, views)


def join(op: str, branches: Sequence[NamedFragment], x: Shape) -> Fragment:
    """``branches`` side by side on the same input, run in order, their outputs joined by ``op``.

    A branch that gives nothing adds nothing to a sum, no channels to a ``cat``, and makes a product nothing.
    """
    shapes = [branch.shape for _, branch in branches if type(branch.shape) is not Nothing]
    if len(shapes) < len(branches):
        if not shapes or op == "mul":
            return nothing((shapes or [branches[0][1].shape])[0], branches)
        if op == "sub" and gives_nothing(branches[0][1]):
            raise ElaborationError(
                "there is nothing to subtract from: its first layer is zero", hint="factor(-1) negates"
            )
        branches = [(name, b) for name, b in branches if not gives_nothing(b) or b.values is not None]
        if len(shapes) == 1:
            return chain(branches, x) if len(branches) == 1 else _fan(branches, shapes[0], x)
    applied = apply_op(op, shapes, {})
    keeps_input = any(branch.views for _, branch in branches)
    kept = during = after = 0
    for i, (_, branch) in enumerate(branches):
        during = max(during, kept + branch.during)
        if keeps_input or i < len(branches) - 1:
            during = max(during, kept + branch.after)
        else:
            after = kept + branch.after
        kept += 0 if branch.views else numel(branch.shape)
    end = kept + numel(applied.shape)
    if keeps_input:
        during = max(during, end)
    else:
        after = max(after, end)
    return Fragment(applied.shape, branches, applied, x, during, after, views=False)


def _fan(branches: Sequence[NamedFragment], shape: Shape, x: Shape) -> Fragment:
    fragment = Fragment(shape, branches, None, x, 0, 0, views=False)
    assert fragment.values is not None
    fragment.values = replace(fragment.values, fan=True)
    return fragment
