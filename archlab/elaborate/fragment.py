"""Fragments: elaborated pieces of a network with one input and one output, and their cost in closed form.

A search elaborates the same block on the same input again and again, so a fragment is made once and shared: it knows
its own totals, and the totals of whatever is built from fragments are sums and maxima of theirs.
Only ``nodes_of`` gives the pieces of a network names of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import EllipsisType

from archlab.elaborate.hole_paths import UniqueNames
from archlab.ir import INPUT, Applied, Node, Shape, numel
from archlab.ops import OPS, Stride, apply_op

NamedFragment = tuple[str, "Fragment"]


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
        "params",
        "parts",
        "peak",
        "shape",
        "stride",
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
        self.params: int = params
        self.macs: int = macs
        self.other: int = other
        self.activations: int = activations
        self.nodes: int = nodes


def leaf(op: Applied, x: Shape) -> Fragment:
    """One operator on an input of shape ``x``."""
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
    return Fragment(shape, parts, None, x, during, after, views)


def join(op: str, branches: Sequence[NamedFragment], x: Shape) -> Fragment:
    """``branches`` side by side on the same input, run in order, their outputs joined by ``op``."""
    applied = apply_op(op, [branch.shape for _, branch in branches], {})
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


def nodes_of(stages: Sequence[NamedFragment]) -> list[Node]:
    """Return the operators of a network in running order, each under its path."""
    nodes: list[Node] = []
    ends: dict[str, str] = {}
    source = INPUT
    for name, fragment in stages:
        ends[name] = source = _Emit(nodes, name, ends).emit(fragment, name, name, source)
    return nodes


class _Emit:
    """Appends the operators of one stage to ``nodes``; ``ends`` are the nodes at the ends of those before it."""

    def __init__(self, nodes: list[Node], stage: str, ends: Mapping[str, str]) -> None:
        self.nodes = nodes
        self.stage = stage
        self.ends = ends
        self.names = UniqueNames()

    def emit(self, fragment: Fragment, path: str, block: str, source: str) -> str:
        """Append ``fragment`` on the output of ``source``; return the name of its output."""
        if isinstance(fragment.op, Node):
            self.nodes.append(
                replace(fragment.op, inputs=tuple(self.ends.get(name, name) for name in fragment.op.inputs))
            )
            return fragment.op.name
        if fragment.op is not None and not fragment.parts:
            return self._append(fragment.op, path, block, (source,))
        inputs = [source]
        for name, part in fragment.parts:
            child = f"{path}.{name}" if name else path
            output = self.emit(part, child, child if block == self.stage else block, inputs[0])
            inputs = [output] if fragment.op is None else [*inputs, output]
        if fragment.op is None:
            return inputs[0]
        return self._append(fragment.op, f"{path}.{fragment.op.op}", block, tuple(inputs[1:]))

    def _append(self, op: Applied, path: str, block: str, inputs: tuple[str, ...]) -> str:
        name = self.names.fresh(path)
        # A block that is one operator has its name, also where that got a number.
        self.nodes.append(Node.of(op, name, inputs, self.stage, name if block == path else block))
        return name
