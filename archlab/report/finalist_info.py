"""What a report shows of each finalist: its stages, its operators, and its graph for the drawing.

Texts come from a result file, which anybody may have edited: one that describes no network is shown with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archlab.cost import Part, by_op, by_stage
from archlab.detector import NECK
from archlab.elaborate import Network, elaborate
from archlab.elaborate.scope import scaled_repeats
from archlab.errors import ArchlabError
from archlab.grammar import ast
from archlab.grammar.parse import parse
from archlab.ir import Graph, Node, Shape
from archlab.ops import CONVOLUTIONS
from archlab.search.result import Finalist, SearchResult

MAX_NODES = 5_000
"""A finalist of more operators is neither drawn nor counted in the report."""
MOST_SHOWN = 20
"""Finalists that are elaborated and shown one by one, the best; of the others the report has a row of a table."""


@dataclass(frozen=True, slots=True)
class FinalistStage:
    """One stage of a finalist.

    Attributes:
        blocks: its blocks' types, each once, in order.
        depth: how many blocks it has.
        width: its output's channels.
        kernels: the sides of its convolutions' kernels, each once, in ascending order; 1 only where nothing is larger.
        share: its part of the network's MACs, from 0 to 1.
    """

    name: str
    blocks: tuple[str, ...]
    depth: int
    shape: Shape
    kernels: tuple[int, ...]
    params: int
    macs: int
    activations: int
    memory: int
    share: float

    @property
    def width(self) -> int:
        """The output's channels."""
        return self.shape[0]

    @property
    def resolution(self) -> str:
        """The output's height and width; nothing behind a flatten."""
        return "×".join(map(str, self.shape[1:]))


@dataclass(frozen=True, slots=True)
class OperatorTotal:
    """What all the operators of one kind cost together; ``share`` is their part of the network's MACs."""

    op: str
    nodes: int
    params: int
    macs: int
    other: int
    activations: int
    share: float


@dataclass(frozen=True, slots=True)
class FinalistInfo:
    """A finalist with what its text unfolds into.

    Attributes:
        rank: from 1, in the order of the result.
        problem: why there is no graph.
        is_shown: whether it is shown by itself; where it is not, nothing but its rank and the finalist is known here.
        recounted: the text's MACs where they differ from the recorded ones.
    """

    rank: int
    finalist: Finalist
    graph: Graph | None
    stages: tuple[FinalistStage, ...]
    operators: tuple[OperatorTotal, ...]
    problem: str | None = None
    recounted: int | None = None
    is_shown: bool = True


def finalists(result: SearchResult) -> tuple[FinalistInfo, ...]:
    """Return every finalist, in the order of the result, and what the texts of the first ``MOST_SHOWN`` unfold into."""
    return tuple(
        _info(rank, finalist) if rank <= MOST_SHOWN else FinalistInfo(rank, finalist, None, (), (), is_shown=False)
        for rank, finalist in enumerate(result.finalists, 1)
    )


def _info(rank: int, finalist: Finalist) -> FinalistInfo:
    try:
        architecture = parse(finalist.text, finalist.file or finalist.name)
        network = elaborate(architecture, max_nodes=MAX_NODES)
    except ArchlabError as error:
        return FinalistInfo(rank, finalist, None, (), (), problem=str(error))
    macs = network.body.macs
    recorded = finalist.cost.get("macs")
    return FinalistInfo(
        rank,
        finalist,
        network.graph,
        _stages(architecture, network),
        _operators(network.graph),
        recounted=macs if recorded is not None and macs != recorded else None,
    )


def _stages(architecture: ast.Architecture, network: Network) -> tuple[FinalistStage, ...]:
    nodes: dict[str, list[Node]] = {}
    for node in network.graph:
        nodes.setdefault(node.stage, []).append(node)
    written = {stage.name: stage for stage in architecture.stages}
    return tuple(_stage(written.get(part.name), part, nodes.get(part.name, []), network) for part in by_stage(network))


def _stage(stage: ast.Stage | None, part: Part, nodes: list[Node], network: Network) -> FinalistStage:
    """Return a row of the table; a detector's neck and box head are no stages of the text."""
    blocks = list(_blocks(stage.body, network.depths[stage.name])) if stage else _parts_of_detector(part.name, network)
    sides = {max(node.attrs["kernel"]) for node in nodes if node.op in CONVOLUTIONS}
    return FinalistStage(
        name=part.name,
        blocks=tuple(dict.fromkeys(name for name, _ in blocks)),
        depth=sum(count for _, count in blocks),
        shape=part.shape,
        kernels=tuple(sorted(sides - {1} or sides)),
        params=part.cost.params,
        macs=part.cost.macs,
        activations=part.cost.activations,
        memory=part.cost.memory,
        share=part.cost.macs / max(network.body.macs, 1),
    )


def _parts_of_detector(name: str, network: Network) -> list[tuple[str, int]]:
    assert network.detector is not None
    return [("fpn", 1)] if name == NECK else [(network.detector.pool, 1), ("box_head", 1)]


def _blocks(expr: ast.Expr, depth_mult: float) -> Iterator[tuple[str, int]]:
    """Return the blocks of a stage as its text writes them: name and how often in a row."""
    match expr:
        case ast.Sequence(items=items):
            for item in items:
                yield from _blocks(item, depth_mult)
        case ast.Named(layer=layer):
            yield from _blocks(layer, depth_mult)
        case ast.Call(name="repeat" | "each", args=(ast.Number(value=count), layer)):
            for name, inner in _blocks(layer, depth_mult):
                yield name, inner * scaled_repeats(int(count), depth_mult)
        case ast.Call(name=name) | ast.Name(name=name):
            yield name, 1
        case _:
            yield "layers", 1


def _operators(graph: Graph) -> tuple[OperatorTotal, ...]:
    totals = by_op(graph)
    macs = max(sum(row["macs"] for row in totals.values()), 1)
    rows = [OperatorTotal(op, **row, share=row["macs"] / macs) for op, row in totals.items()]
    return tuple(sorted(rows, key=lambda row: (-row.macs, -row.other, -row.params, -row.nodes, row.op)))
