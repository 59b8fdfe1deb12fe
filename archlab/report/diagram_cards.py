"""A graph as a drawing shows it: stages of cards, cards of boxes, with equal blocks drawn once.

A norm, an activation or a dropout behind a convolution belongs to its box, as people read it. Small blocks that
follow each other share a card. A network of 2,000 operators thus becomes a few dozen cards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from archlab.ir import BOXES, INPUT, Graph, Node, Shape

_OWN_BOX = {"maxpool", "avgpool", "gap", "gmp", "shuffle", "slice", "flatten"}
_SMALL, _LONE = 5, 8
"""Blocks in a row share a card while they have at most so many boxes together; where each is one box, the second."""


@dataclass(frozen=True, slots=True)
class OperatorBox:
    """An operator with the light ones that follow it; ``inputs`` name nodes."""

    nodes: tuple[Node, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The nodes whose outputs it takes."""
        return self.nodes[0].inputs

    @property
    def output(self) -> str:
        """The node whose output others take."""
        return self.nodes[-1].name

    @property
    def shape(self) -> Shape:
        """The output's shape."""
        return self.nodes[-1].shape

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all its nodes."""
        return sum(node.macs for node in self.nodes)

    @property
    def params(self) -> int:
        """Parameters of all its nodes."""
        return sum(node.params for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Card:
    """One block, or several equal ones in a row.

    Attributes:
        names: the blocks that it stands for; ``macs`` and ``params`` are of one of them.
        ports: what comes from outside: (node, where it is from; empty for the card right before, and its shape).
    """

    names: tuple[str, ...]
    boxes: tuple[OperatorBox, ...]
    ports: tuple[tuple[str, str, Shape], ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one of its blocks."""
        return sum(box.macs for box in self.boxes)

    @property
    def params(self) -> int:
        """Parameters of one of its blocks."""
        return sum(box.params for box in self.boxes)

    @property
    def shape(self) -> Shape:
        """The output's shape."""
        return self.boxes[-1].shape


@dataclass(frozen=True, slots=True)
class DrawnStage:
    """A stage with its totals and its cards.

    Attributes:
        gives: the shape of its last output, or of each where several are outputs of the network.
        rois: how many RoIs its totals are counted with; None where it has nothing to do with RoIs.
    """

    name: str
    nodes: int
    blocks: int
    macs: int
    params: int
    takes: Shape
    gives: tuple[Shape, ...]
    rois: int | None
    cards: tuple[Card, ...]


def stages_of(graph: Graph, joins_small: bool = True) -> tuple[DrawnStage, ...]:
    """Return the stages of a graph in running order; a stage whose operators do not stand together appears in parts.

    Args:
        joins_small: whether small blocks that follow each other share a card.
    """
    uses = Counter(name for node in graph for name in node.inputs)
    takes, before = graph.input_shape, INPUT
    stages = []
    for name, nodes in _runs(graph, lambda node: node.stage):
        cards: list[Card] = []
        keys: list[object] = []
        blocks = _blocks(nodes, uses) if joins_small else _single_blocks(nodes, uses)
        for block, boxes in blocks:
            card = _card(graph, block, boxes, before)
            key = _signature(card, before)
            if keys and keys[-1] == key:
                cards[-1] = replace(cards[-1], names=(*cards[-1].names, block))
            else:
                cards.append(card)
                keys.append(key)
            before = boxes[-1].output
        stages.append(
            DrawnStage(
                name,
                len(nodes),
                len({node.block for node in nodes}),
                sum(node.macs for node in nodes),
                sum(node.params for node in nodes),
                takes,
                tuple(node.shape for node in nodes if node.name in graph.outputs) or (nodes[-1].shape,),
                next((node.rows for node in nodes if BOXES in node.inputs), None),
                tuple(cards),
            )
        )
        takes = nodes[-1].shape
    return tuple(stages)


def _single_blocks(nodes: Sequence[Node], uses: Counter[str]) -> list[tuple[str, list[OperatorBox]]]:
    return [(name, _boxes(run, uses)) for name, run in _runs(nodes, lambda node: node.block)]


def _blocks(nodes: Sequence[Node], uses: Counter[str]) -> list[tuple[str, list[OperatorBox]]]:
    """Return the blocks of a stage with their boxes; small ones in a row are joined."""
    blocks: list[tuple[str, list[OperatorBox]]] = []
    members: list[Node] = []
    lone = True
    for name, run in _runs(nodes, lambda node: node.block):
        own = _boxes(run, uses)
        if blocks and not _is_copy(name) and not _is_copy(blocks[-1][0]):
            joined = _boxes([*members, *run], uses)
            both_lone = lone and len(own) == 1
            if len(joined) <= (_LONE if both_lone else _SMALL):
                members += run
                lone = both_lone
                blocks[-1] = (_joined_name(blocks[-1][0], name), joined)
                continue
        members, lone = list(run), len(own) == 1
        blocks.append((name, own))
    return blocks


def _joined_name(first: str, last: str) -> str:
    """Return the first and the last name of a row of blocks."""
    return f"{first.split(' … ')[0]} … {last.rsplit('.', 1)[-1]}"


def _is_copy(name: str) -> bool:
    return name.rsplit(".", 1)[-1].isdecimal()


def _boxes(nodes: Sequence[Node], uses: Counter[str]) -> list[OperatorBox]:
    boxes: list[OperatorBox] = []
    for node in nodes:
        last = boxes[-1].nodes[-1] if boxes else None
        light = node.macs == 0 and len(node.inputs) == 1 and node.op not in _OWN_BOX
        if last and light and node.inputs[0] == last.name and node.shape == last.shape and uses[last.name] == 1:
            boxes[-1] = OperatorBox((*boxes[-1].nodes, node))
        else:
            boxes.append(OperatorBox((node,)))
    return boxes


def _card(graph: Graph, name: str, boxes: Sequence[OperatorBox], before: str) -> Card:
    inside = {box.output for box in boxes}
    outside = dict.fromkeys(source for box in boxes for source in box.inputs if source not in inside)
    ports = tuple((source, "" if source == before else source, graph.shape_of(source)) for source in outside)
    return Card((name,), tuple(boxes), ports)


def _signature(card: Card, before: str) -> object:
    """Return a value that is the same for two blocks that look the same and follow each other in a chain."""
    index = {box.output: i for i, box in enumerate(card.boxes)}
    return [
        (
            [(node.op, sorted(map(str, node.attrs.items())), node.shape, node.params) for node in box.nodes],
            [index.get(source, -1 if source == before else source) for source in box.inputs],
        )
        for box in card.boxes
    ]


def _runs(nodes: Iterable[Node], key: Callable[[Node], str]) -> list[tuple[str, list[Node]]]:
    """Return the runs of nodes that share a key."""
    runs: list[tuple[str, list[Node]]] = []
    for node in nodes:
        if runs and runs[-1][0] == key(node):
            runs[-1][1].append(node)
        else:
            runs.append((key(node), [node]))
    return runs
