"""The feature pyramid network as nodes on a backbone (Lin et al. 2017, arXiv:1612.03144, figure 3).

As torchvision's FeaturePyramidNetwork: a 1x1 lateral convolution with bias for each level, from the coarsest down the
map brought to the finer level's size by the nearest pixel and added, and a 3x3 convolution with bias on each sum.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from archlab.errors import ElaborationError
from archlab.ir import Graph, Node, Shape
from archlab.ops import OPS, apply_op
from archlab.pyramid.levels import Level, chosen, end_strides, levels_of

NECK = "neck"
_UNIFORM = {"init": "uniform"}


def attach_neck(graph: Graph, width: int, levels: Sequence[str] = ("p2", "p3", "p4", "p5")) -> Graph:
    """``graph`` up to its ``levels`` with a feature pyramid of ``width`` channels on them.

    Its outputs are the pyramid's maps, the finest first. Nodes that lead to none of them, such as a classifier's head,
    are left out.

    Raises:
        ElaborationError: the backbone does not give a level, the levels are no neighbours, the width is no positive
            number, or the network has a stage ``neck`` of its own.
    """
    refuse_stages(graph, (NECK,))
    picked = chosen(levels_of(graph), levels, end_strides(graph))
    neck = neck_nodes(picked, width)
    outputs = tuple(f"{NECK}.{level.name}.output" for level in picked)
    return pruned(Graph(graph.name, graph.input_shape, (*graph.nodes, *neck), outputs))


def neck_nodes(levels: Sequence[Level], width: int) -> tuple[Node, ...]:
    """The operators of a feature pyramid of ``width`` channels on ``levels``, in running order.

    The map of a level is the output of ``neck.<level>.output``.
    """
    nodes: list[Node] = []
    shapes: dict[str, Shape] = {level.node: level.shape for level in levels}

    def append(level: Level, part: str, op: str, inputs: Sequence[str], **args: object) -> str:
        node = node_on(f"{NECK}.{level.name}.{part}", op, inputs, shapes, args, NECK, f"{NECK}.{level.name}")
        nodes.append(node)
        shapes[node.name] = node.shape
        return node.name

    above = ""
    for level in reversed(levels):
        inner = append(level, "lateral", "conv2d", [level.node], c=width, k=1, bias=1)
        if above:
            raised = append(level, "upsample", "upsample_like", [above, inner])
            inner = append(level, "add", "add", [inner, raised])
        above = inner
        append(level, "output", "conv2d", [inner], c=width, k=3, bias=1)
    return tuple(nodes)


def node_on(
    name: str,
    op: str,
    inputs: Sequence[str],
    shapes: Mapping[str, Shape],
    args: Mapping[str, object],
    stage: str,
    block: str,
) -> Node:
    """The operator ``op`` as a node of a neck or head; convolutions and linear layers start uniform."""
    defaults = OPS[op].signature
    applied = apply_op(op, [shapes[name] for name in inputs], {**defaults, **args})
    attrs = applied.attrs | (_UNIFORM if applied.weights else {})
    return Node(
        name=name,
        op=op,
        attrs=attrs,
        inputs=tuple(inputs),
        shape=applied.shape,
        stage=stage,
        block=block,
        weights=applied.weights,
        buffers=applied.buffers,
        macs=applied.macs,
        other=applied.other,
        activations=applied.activations,
    )


def pruned(graph: Graph) -> Graph:
    """``graph`` without the nodes that lead to none of its outputs."""
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return dataclasses.replace(graph, nodes=tuple(node for node in graph if node.name in needed))


def refuse_stages(graph: Graph, names: Sequence[str]) -> None:
    """Raises where ``graph`` has a stage of one of these names.

    Raises:
        ElaborationError: it has.
    """
    for node in graph:
        if node.stage in names:
            raise ElaborationError(
                f"{graph.name} has a stage {node.stage}, which is what a detector's own part is called",
                hint="give the stage another name",
            )
