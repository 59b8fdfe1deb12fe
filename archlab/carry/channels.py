"""Which channels of a network are the same, so that they can only be kept or dropped together.

One pass over the graph gives every value a vector of *classes*, one for each channel. A convolution makes new classes;
what works on each channel by itself passes them on; an addition or a product says that the classes of its inputs agree,
place by place; concatenation, slices and the channel shuffle move them. A class is a number: equal numbers are tied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.errors import GraphError
from archlab.ir import BOXES, INPUT, Graph, Node

Classes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Channels:
    """The classes of every value's channels.

    Attributes:
        of: the classes of each value, in the order of its channels, by the node's name.
        fixed: the classes that must stay: those of the input and of what the network gives.
    """

    of: Mapping[str, Classes]
    fixed: frozenset[int]


def channels_of(graph: Graph) -> Channels:
    """Return the classes of every value of ``graph``.

    Raises:
        GraphError: an operator whose effect on channels is not known.
    """
    union = _Union()
    of: dict[str, list[int]] = {name: union.new(graph.shape_of(name)[0]) for name in graph.inputs}
    for node in graph:
        inputs = [of[name] for name in node.inputs if name != BOXES]
        of[node.name] = _of(node, inputs, union)
    classes = {name: tuple(map(union.find, vector)) for name, vector in of.items()}
    fixed = {c for name in (INPUT, *graph.outputs) for c in classes[name]}
    return Channels(classes, frozenset(fixed))


class _Union:
    """Classes that turn out to be one (union–find, Tarjan 1975)."""

    def __init__(self) -> None:
        self.parent: list[int] = []

    def new(self, n: int) -> list[int]:
        start = len(self.parent)
        self.parent += range(start, start + n)
        return list(range(start, start + n))

    def find(self, c: int) -> int:
        while self.parent[c] != c:
            self.parent[c] = c = self.parent[self.parent[c]]
        return c

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self.parent[max(a, b)] = min(a, b)


def _of(node: Node, x: Sequence[list[int]], union: _Union) -> list[int]:
    """Return the classes of a node's output from those of its inputs."""
    match node.op:
        case "conv2d" | "wsconv2d" | "conv_transpose" if is_depthwise(node) and node.shape[0] == len(x[0]):
            return x[0]
        case "conv2d" | "wsconv2d" | "conv_transpose" | "linear":
            return union.new(node.shape[0])
        case "add" | "sub" | "mul":
            return _tied(x, union)
        case "cat":
            return [c for vector in x for c in vector]
        case "slice":
            return x[0][node.attrs["start"] : node.attrs["stop"]]
        case "shuffle":
            each = len(x[0]) // node.attrs["groups"]
            return [x[0][i] for first in range(each) for i in range(first, len(x[0]), each)]
        case "flatten":
            return [c for c in x[0] for _ in range(node.shape[0] // len(x[0]))]
        case "group_sum":  # a sum of which terms were dropped is another sum, so its terms are tied
            each = node.shape[0]
            for i, c in enumerate(x[0]):
                union.join(x[0][i % each], c)
            return x[0][:each]
        case op if op in _PASS_ON:
            return x[0]
        case op:
            raise GraphError(
                f"{node.name}: it is not known what {op} does to channels",
                hint="weights cannot be carried through it; leave it out of the text, or cut around it",
            )


def _tied(x: Sequence[list[int]], union: _Union) -> list[int]:
    widest = max(x, key=len)
    for vector in x:
        if len(vector) == len(widest):  # a single channel stretches over all of them, and ties none
            for a, b in zip(widest, vector, strict=True):
                union.join(a, b)
    return widest


_PASS_ON = frozenset((
    "bn", "gn", "ln", "lrn", "scale", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "hardswish",
    "sigmoid", "hardsigmoid", "tanh", "hardtanh", "prelu", "maxpool", "avgpool", "gap", "gmp", "adaptive_avgpool",
    "upsample", "upsample_like", "resize", "dropout", "pad2d", "factor", "offset", "softmax", "channel_conv",
    "roi_align", "roi_pool",
))  # fmt: skip
"""What gives as many channels as it takes, each from its own, or from all of them in one way."""


def is_depthwise(node: Node) -> bool:
    """Return whether every filter of a convolution reads one channel."""
    return bool(node.attrs.get("groups", 1) == node.attrs.get("in_channels") != 1)
