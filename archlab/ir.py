"""The intermediate representation: a network as a directed acyclic graph of operators with shapes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archlab.errors import InputError
from archlab.shown import Tabled, short

if TYPE_CHECKING:
    import networkx as nx

Shape = tuple[int, ...]
"""A tensor's shape without the batch: (channels, height, width), or (features,) behind a flatten."""

INPUT = "input"
BOXES = "input.boxes"
"""What a network with an RoI head takes beside images: the boxes to look at."""
BOXES_SHAPE: Shape = (5,)
"""A box: the image's index in the batch, then x1, y1, x2, y2 in pixels of the image."""


def numel(shape: Shape) -> int:
    """Count the elements that a tensor of this shape holds, for one image."""
    return math.prod(shape)


def show_shape(shape: Shape) -> str:
    """Return a shape as the language writes it.

    >>> show_shape((64, 56, 56))
    '64x56x56'
    """
    return "x".join(map(str, shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """An operator on given inputs, wherever it stands; ``archlab.ops.apply_op`` makes it.

    Attributes:
        op: the operator's name in the table of ``archlab.ops``.
        attrs: the operator's arguments, resolved (kernel, stride, groups …).
        shape: the output's shape, without the batch.
        weights: shapes of its parameters by name.
        buffers: shapes of its buffers by name.
        macs: multiply-accumulates per image.
        other: arithmetic of norms and pooling per image, as fvcore counts it.
        activations: elements put out by a convolution or linear layer, per image (RegNet's measure), else 0.
        rows: how many such outputs one image has: 1, and behind RoI align or pooling the number of RoIs.
    """

    op: str
    attrs: Mapping[str, Any]
    shape: Shape
    weights: Mapping[str, Shape]
    buffers: Mapping[str, Shape]
    macs: int
    other: int
    activations: int
    rows: int = 1

    @property
    def params(self) -> int:
        """The number of parameters that the operator holds."""
        return sum(map(numel, self.weights.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Applied):
    """One operator of a network: an applied operator with a name, and with what it takes its inputs from.

    Attributes:
        name: its path, such as ``stage3.1.conv.conv2d``; unique in its graph, and its prefix in the state dict.
        inputs: the nodes whose outputs it takes, in order; the same node may stand twice.
        stage: the stage of the text that it belongs to.
        block: the block of that stage, such as ``stage3.1``.
    """

    name: str
    inputs: tuple[str, ...]
    stage: str
    block: str

    @classmethod
    def of(cls, applied: Applied, name: str, inputs: tuple[str, ...], stage: str, block: str) -> Node:
        """Return the node that stands for ``applied`` in a graph."""
        return cls(**_fields_of(applied), name=name, inputs=inputs, stage=stage, block=block)


@dataclass(frozen=True, repr=False)
class Graph(Tabled):
    """A network: its operators in the order in which they run.

    ``Node.inputs`` is the truth about the data flow: a networkx edge can hold neither the order of arguments nor
    the same argument twice. ``to_networkx`` derives a DiGraph for analysis.

    It prints as a table; ``frame`` and ``to_csv`` write it by ``node`` or ``op``, ``to_html`` as a page.

    Attributes:
        name: the network's name.
        input_shape: channels, height and width of one image.
        nodes: the operators.
        outputs: the names of the nodes whose values the network gives, in order; by default the last node's alone.
    """

    name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...] = ()

    view = "archlab.report.show_graph"

    def __post_init__(self) -> None:
        if not self.outputs:
            object.__setattr__(self, "outputs", (self.nodes[-1].name if self.nodes else INPUT,))

    def __repr__(self) -> str:
        return short(self, self.name, show_shape(self.input_shape), f"{len(self):,} nodes")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @property
    def names(self) -> Collection[str]:
        """The nodes' names."""
        return self._by_name.keys()

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the network takes: images, and behind them boxes where it has an RoI head."""
        return (INPUT, BOXES) if any(BOXES in node.inputs for node in self.nodes) else (INPUT,)

    @property
    def output(self) -> str:
        """The name of the one output; the input itself in a network without operators.

        Raises:
            InputError: the network gives several values.
        """
        if len(self.outputs) > 1:
            raise InputError(f"{self.name} has {len(self.outputs)} outputs, not one", hint="use graph.outputs")
        return self.outputs[0]

    def shape_of(self, name: str) -> Shape:
        """Return the shape that node ``name``, or an input, puts out."""
        if name == BOXES:
            return BOXES_SHAPE
        return self.input_shape if name == INPUT else self[name].shape

    @cached_property
    def digest(self) -> str:
        """A hash of what the network computes: the same for two texts of the same network, on any machine.

        It covers every operator, its resolved arguments, where its inputs come from, and the outputs in order; not the
        names of stages and blocks, nor the order of independent branches. 32 hexadecimal digits.
        """
        hashes = self.hashes
        return digest_of(
            [hashes[name] for name in self.outputs], [hashes[name] for name in (*self.inputs, *self.names)]
        )

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """A hash of what each node computes from the inputs, by name, the inputs' own first."""
        hashes = {INPUT: hash_of_input(self.input_shape), BOXES: _hash("boxes")}
        for node in self.nodes:
            hashes[node.name] = hash_of_operator(text_of(node), [hashes[name] for name in node.inputs])
        return hashes

    def to_networkx(self) -> nx.DiGraph[str]:
        """Return a DiGraph for analysis with networkx.

        Nodes are keyed by path, in running order, and carry ``op``, ``attrs``, ``shape``, ``stage``, ``block``,
        ``params``, ``macs``, ``other``, ``activations`` and ``rows``; the inputs carry ``op="input"`` and ``shape``.
        Edges carry ``shape``, the tensor that flows. The graph carries ``name``.
        """
        import networkx as nx  # a fifth of a second, which `archlab show` need not spend

        graph: nx.DiGraph[str] = nx.DiGraph(name=self.name)
        for name in self.inputs:
            graph.add_node(name, op="input", shape=self.shape_of(name), params=0, macs=0, other=0, activations=0)
        for node in self.nodes:
            graph.add_node(
                node.name,
                op=node.op,
                attrs=dict(node.attrs),
                shape=node.shape,
                stage=node.stage,
                block=node.block,
                params=node.params,
                macs=node.macs,
                other=node.other,
                activations=node.activations,
                rows=node.rows,
            )
            graph.add_edges_from((source, node.name, {"shape": self.shape_of(source)}) for source in node.inputs)
        return graph


_FIELDS = tuple(field.name for field in fields(Applied))


def _fields_of(applied: Applied) -> dict[str, Any]:
    return {name: getattr(applied, name) for name in _FIELDS}


def text_of(op: Applied) -> str:
    """Return an operator and its resolved arguments as text, for its hash."""
    return f"{op.op} {sorted(op.attrs.items())}"


def hash_of_input(shape: Shape) -> str:
    """Return the hash of a network's input of this shape."""
    return _hash(f"input {shape}")


def hash_of_operator(text: str, inputs: list[str]) -> str:
    """Return the hash of what an operator, as ``text_of`` writes it, computes of what has the hashes ``inputs``."""
    if text.startswith(("add ", "mul ")):
        inputs = sorted(inputs)
    return _hash(f"{text} {inputs}")


def digest_of(outputs: Iterable[str], everything: Iterable[str]) -> str:
    """Return the digest of a graph from the hashes of its outputs, in order, and of its inputs and operators."""
    # Two equal branches hash alike: how often each operator stands tells a doubled branch from a shared one.
    return _hash(f"{' '.join(outputs)} {sorted(everything)}")


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
