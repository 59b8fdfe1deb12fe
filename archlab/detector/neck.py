"""The feature pyramid network as nodes on a backbone (Lin et al. 2017, arXiv:1612.03144, figure 3).

As torchvision's FeaturePyramidNetwork: a 1x1 lateral convolution with bias for each level, from the coarsest down the
map brought to the finer level's size by the nearest pixel and added, and a 3x3 convolution with bias on each sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archlab.detector.grow import Grown, prune
from archlab.detector.levels import Level, end_strides, levels_of, named_levels
from archlab.errors import ElaborationError
from archlab.ir import Graph, Node

NECK, BOX_HEAD = "neck", "box_head"
"""The stages that a detector adds to its backbone's."""


def attach_neck(graph: Graph, width: int, levels: Sequence[str] = ("p2", "p3", "p4", "p5")) -> Graph:
    """Return ``graph`` up to its ``levels`` with a feature pyramid of ``width`` channels on them.

    Its outputs are the pyramid's maps, the finest first. Nodes that lead to none of them, such as a classifier's head,
    are left out.

    Raises:
        ElaborationError: the backbone does not give a level, the levels are no neighbours, the width is no positive
            number, or the network has a stage ``neck`` of its own.
    """
    refuse_stages(graph.name, (node.stage for node in graph))
    picked = named_levels(levels_of(graph), levels, end_strides(graph))
    nodes = (*graph.nodes, *neck_nodes(picked, width))
    return prune(Graph(graph.name, graph.input_shape, nodes, tuple(map(output_of, levels))))


def refuse_stages(name: str, stages: Iterable[str]) -> None:
    """Refuse a backbone with a stage that is called as a detector's own.

    Raises:
        ElaborationError: it has.
    """
    for stage in stages:
        if stage in (NECK, BOX_HEAD):
            raise ElaborationError(
                f"{name} has a stage {stage}, which is what a detector calls a part of its own",
                hint="give the stage another name",
            )


def output_of(level: str) -> str:
    """Return the name of the node of a level's map behind the neck."""
    return f"{NECK}.{level}.output"


def neck_nodes(levels: Sequence[Level], width: int) -> tuple[Node, ...]:
    """Return the operators of a feature pyramid of ``width`` channels on ``levels``, in running order."""
    grown = Grown(NECK, {level.node: level.shape for level in levels})
    above = ""
    for level in reversed(levels):
        inner = grown.append(f"{level.name}.lateral", "conv2d", [level.node], "uniform", c=width, k=1, bias=1)
        if above:
            raised = grown.append(f"{level.name}.upsample", "upsample_like", [above, inner])
            inner = grown.append(f"{level.name}.add", "add", [inner, raised])
        above = inner
        grown.append(f"{level.name}.output", "conv2d", [inner], "uniform", c=width, k=3, bias=1)
    return tuple(grown.nodes)
