"""What a backend runs: kernels, each known by its kind and its sizes, and told by a walk over a network's nodes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archlab.ir import Applied, Node, Shape


class Kernel(NamedTuple):
    """A kernel by all that its time depends on; two that are equal take the same time.

    Attributes:
        kind: what it does; times of one kind are predicted from each other.
        c_in, c_out: channels, or features, that it reads and writes.
        k_h, k_w, s_h, s_w: kernel and stride; 1 where it has none.
        dilation: of the kernel.
        groups: of a convolution or a shuffle.
        h_in, w_in, h_out, w_out: the maps that it reads and writes.
        form: what else tells it apart, as a small number: how many inputs it has, or how they lie in memory.
    """

    kind: str
    c_in: int
    c_out: int
    k_h: int
    k_w: int
    s_h: int
    s_w: int
    dilation: int
    groups: int
    h_in: int
    w_in: int
    h_out: int
    w_out: int
    form: int

    @property
    def weights(self) -> int:
        """How many weights a convolution or linear layer reads."""
        return self.c_in * self.c_out * self.k_h * self.k_w // self.groups

    @property
    def read(self) -> int:
        """How many elements of its first input it reads."""
        return self.c_in * self.h_in * self.w_in

    @property
    def written(self) -> int:
        """How many elements it writes."""
        return self.c_out * self.h_out * self.w_out


def kernel_of(kind: str, op: Applied, x: Shape, form: int = 0, c_in: int | None = None) -> Kernel:
    """Return the kernel of an operator on an input of shape ``x``."""
    a = op.attrs
    k_h, k_w = _pair(a.get("kernel", 1))
    s_h, s_w = _pair(a.get("stride", 1))
    return Kernel(
        kind,
        x[0] if c_in is None else c_in,
        op.shape[0],
        k_h,
        k_w,
        s_h,
        s_w,
        max(_pair(a.get("dilation", 1))),
        int(a.get("groups", 1)),
        *_map(x),
        *_map(op.shape),
        form,
    )


def convolution_kind(op: Applied) -> str:
    """Return what sort of convolution an operator is: of those whose times follow one law."""
    a = op.attrs
    if op.op != "conv2d":
        return op.op
    if a["groups"] == 1:
        return "pointwise" if _pair(a["kernel"]) == (1, 1) else "convolution"
    return "depthwise" if a["groups"] == a["in_channels"] else "grouped"


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _map(shape: Shape) -> tuple[int, int]:
    return (shape[1], shape[2]) if len(shape) == 3 else (1, math.prod(shape[1:]))


class Value(NamedTuple):
    """A tensor between kernels.

    Attributes:
        shape: without the batch.
        form: how it lies in memory, in the backend's words.
        open: whether the kernel that makes it can take in what follows.
    """

    shape: Shape
    form: str
    open: str = ""


@dataclass(slots=True)
class Walk:
    """The kernels of a piece of a network, in running order, as a backend's rules find them.

    Attributes:
        kernels: so far; a rule may change an earlier one.
        nodes: beside each kernel the names of the nodes that it runs; none of what only moves data for others.
        values: by the name of the node that gives them.
        uses: how many nodes of the piece read each value; one more for what leaves it.
        made: the kernel that makes a value, by the value's name.
        again: values in a second form, by name and form.
    """

    uses: Counter[str]
    kernels: list[Kernel] = field(default_factory=list)
    nodes: list[list[str]] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    again: set[tuple[str, str]] = field(default_factory=set)

    def emit(self, kernel: Kernel, *names: str) -> int:
        """Append a kernel; return its place."""
        self.kernels.append(kernel)
        self.nodes.append(list(names))
        return len(self.kernels) - 1


Rule = Callable[[Walk, Node], Value]
"""Appends the kernels that a node is, and returns the value that it gives."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a backend runs for some nodes: its kernels, the nodes of each, and what leaves it."""

    kernels: tuple[Kernel, ...]
    nodes: tuple[tuple[str, ...], ...]
    output: Value


def walk(nodes: Sequence[Node], given: dict[str, Value], outputs: Collection[str], rule: Rule) -> Piece:
    """Return the kernels of ``nodes``, to which values are ``given`` by name.

    Args:
        outputs: the names of the values that leave it, the last of which is its output.
    """
    uses = Counter(name for node in nodes for name in node.inputs)
    uses.update(outputs)
    state = Walk(uses, values=dict(given))
    for node in nodes:
        state.values[node.name] = rule(state, node)
    *_, last = outputs
    return Piece(tuple(state.kernels), tuple(map(tuple, state.nodes)), state.values[last])
