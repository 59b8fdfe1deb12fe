"""What a structure is: blocks with their costs, sections of blocks, and how many of which there are.

Counts are for one image, as everywhere in archlab. ``memory`` is the bytes that a block's operators put out in fp32,
views left out: unlike a peak it adds up over blocks, so that each has its share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from archlab.ir import Graph, Shape
from archlab.shown import Tabled, short

STANDARD = "standard convolution"
POINTWISE = "pointwise convolution"
GROUPED = "grouped convolution"
DEPTHWISE = "depthwise convolution"
SEPARABLE = "depthwise separable"
BOTTLENECK = "bottleneck"
INVERTED = "inverted bottleneck"
SHUFFLE_V1 = "shuffle unit v1"
SHUFFLE_V2 = "shuffle unit v2"
RESIDUAL = "residual"
SQUEEZE_EXCITE = "squeeze-excite"
DENSE = "dense layer"
INCEPTION = "inception module"
BRANCH = "inception branch"
PAIR = "factorised pair"
FIRE = "fire module"
POOLING = "pooling"
GLOBAL_POOLING = "global pooling"
LINEAR = "linear layer"
OPERATOR = "operator"
UNPLACED = "unplaced"

KINDS = (
    *(STANDARD, POINTWISE, GROUPED, DEPTHWISE, SEPARABLE, BOTTLENECK, INVERTED, SHUFFLE_V1, SHUFFLE_V2, RESIDUAL),
    *(SQUEEZE_EXCITE, DENSE, INCEPTION, BRANCH, PAIR, FIRE, POOLING, GLOBAL_POOLING, LINEAR, OPERATOR, UNPLACED),
)
"""Every kind of block, in the order in which tables have them."""


PLAIN = frozenset({STANDARD, POINTWISE, GROUPED, DEPTHWISE, POOLING, GLOBAL_POOLING, LINEAR, OPERATOR})
"""Kinds of a single layer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a block is set to, as far as its kind has it.

    Attributes:
        channels: the output's channels, or features.
        width: the channels in the middle of a block whose middle differs from its output.
        kernel: the windows larger than 1x1, in order, such as ``3x3``.
        stride: pixels of the input per pixel of the output.
        groups: groups of its grouped convolutions; 1 without, and for depthwise ones.
        dilation: the largest dilation.
        multiplier: filters per channel of its depthwise convolutions; 0 without.
        squeeze: the channels in the middle of squeeze-excites; 0 without.
        activation: its activations, each once.
        norm: its norms, each once.
        operator: the operator that it is named for where it has no kind of its own.
    """

    channels: int = 0
    width: int = 0
    kernel: tuple[str, ...] = ()
    stride: int = 1
    groups: int = 1
    dilation: int = 1
    multiplier: int = 0
    squeeze: int = 0
    activation: tuple[str, ...] = ()
    norm: tuple[str, ...] = ()
    operator: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by name, for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Block:
    """A block found by its wiring.

    Attributes:
        kind: one of ``KINDS``.
        nodes: the names of its operators in running order, those of the blocks inside it among them.
        shape: its output's shape.
        settings: what it is set to.
        shortcut: ``identity`` or ``projected`` where it is residual, else empty.
        params, macs, memory: its cost, see the module.
        inside: the blocks that it is made of, where these have names of their own.
    """

    kind: str
    nodes: tuple[str, ...]
    shape: Shape
    settings: Settings
    shortcut: str
    params: int
    macs: int
    memory: int
    inside: tuple[Block, ...] = ()

    @property
    def title(self) -> str:
        """Its kind in words; where it has none, the operator that it stands for."""
        if self.kind == OPERATOR:
            return self.settings.operator
        if self.kind == UNPLACED:
            return f"unplaced {self.settings.operator}"
        return self.kind

    def walk(self) -> Iterator[Block]:
        """Yield this block and all inside it."""
        yield self
        for block in self.inside:
            yield from block.walk()

    def as_dict(self) -> dict[str, Any]:
        """Return the block as plain data."""
        return {
            "kind": self.kind,
            "title": self.title,
            "shortcut": self.shortcut,
            "shape": list(self.shape),
            **{name: getattr(self, name) for name in COSTS},
            "settings": self.settings.as_dict(),
            "nodes": list(self.nodes),
            "inside": [block.as_dict() for block in self.inside],
        }


COSTS = ("params", "macs", "memory")
"""The costs of a block by name."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Some blocks, with the costs of all of them."""

    blocks: tuple[Block, ...]

    @property
    def params(self) -> int:
        """Parameters of its blocks."""
        return sum(block.params for block in self.blocks)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its blocks."""
        return sum(block.macs for block in self.blocks)

    @property
    def memory(self) -> int:
        """Bytes that its blocks' operators put out."""
        return sum(block.memory for block in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Blocks):
    """The stem, a stage (blocks of one resolution) or the head."""

    name: str

    @property
    def shape(self) -> Shape:
        """Its output's shape."""
        return self.blocks[-1].shape


@dataclass(frozen=True, repr=False)
class Structure(Tabled):
    """The blocks of a network, found by wiring and not by names; ``archlab.structure`` finds it.

    It prints as ``archlab audit --structure`` does; ``frame`` and ``to_csv`` write it by ``kind``, ``section`` or
    ``block``, ``to_html`` as a page with the drawing.

    Attributes:
        graph: the network; a concatenation that repeats an earlier one takes that one instead.
        sections: stem, stages and head in running order; every operator stands in one block of one section.
    """

    graph: Graph
    sections: tuple[Section, ...] = field(default=())

    view = "archlab.report.show_structure"

    def __repr__(self) -> str:
        return short(self, self.graph.name, f"{len(self.sections)} sections", f"{len(self.blocks)} blocks")

    @property
    def name(self) -> str:
        """The network's name."""
        return self.graph.name

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of all sections, without those inside others."""
        return tuple(block for section in self.sections for block in section.blocks)

    @property
    def unplaced(self) -> tuple[Block, ...]:
        """The blocks, inside others too, whose wiring is that of no kind."""
        return tuple(block for block in self.walk() if block.kind == UNPLACED)

    def total(self, cost: str) -> int:
        """Return ``params``, ``macs`` or ``memory`` of the whole network."""
        return sum(getattr(block, cost) for block in self.blocks)

    def walk(self) -> Iterator[Block]:
        """Yield every block, and after it those inside it."""
        for block in self.blocks:
            yield from block.walk()

    def counts(self) -> dict[str, int]:
        """Return how many blocks of each kind there are, those inside others too, in the order of ``KINDS``."""
        found = Counter(block.kind for block in self.walk())
        return {kind: found[kind] for kind in KINDS if found[kind]}

    def shortcuts(self) -> dict[str, int]:
        """Return how many residual blocks have an ``identity`` and how many a ``projected`` shortcut."""
        return dict(Counter(block.shortcut for block in self.walk() if block.shortcut))

    def as_dict(self) -> dict[str, Any]:
        """Return the structure as plain data, for JSON."""
        return {
            "counts": self.counts(),
            "shortcuts": self.shortcuts(),
            "sections": [
                {
                    "name": section.name,
                    "shape": list(section.shape),
                    **{name: getattr(section, name) for name in COSTS},
                    "blocks": [block.as_dict() for block in section.blocks],
                }
                for section in self.sections
            ],
        }
