"""A structure as the drawing takes it: sections are its stages, blocks found by wiring its cards, under their kinds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archlab.ir import Graph
from archlab.structure.found import Structure
from archlab.structure.runs import block_label, place_of


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands over a block: its kind with its settings, and where it is in the network."""

    label: str
    place: str


def block_by_block(structure: Structure) -> tuple[Graph, dict[str, Caption]]:
    """Return the graph with its operators in the order of the blocks, and the caption of each block by its new name.

    The operators keep their names; their stages are the sections', their blocks numbers.
    """
    captions: dict[str, Caption] = {}
    nodes = []
    for section in structure.sections:
        for block in section.blocks:
            key = str(len(captions))
            captions[key] = Caption(block_label(block), place_of(block))
            nodes += [replace(structure.graph[name], stage=section.name, block=key) for name in block.nodes]
    return replace(structure.graph, nodes=tuple(nodes), outputs=structure.graph.outputs), captions
