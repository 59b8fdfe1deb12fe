"""Whole detectors: neck and head onto a backbone, and the backbone out of a detector."""

from __future__ import annotations

import dataclasses

from archlab.detector.grow import prune
from archlab.detector.head import OUTPUTS, head_nodes
from archlab.detector.levels import end_strides, levels_of
from archlab.detector.neck import BOX_HEAD, NECK, attach_neck, output_of
from archlab.detector.spec import DetectorSpec, default_levels
from archlab.errors import ElaborationError
from archlab.ir import Graph

OWN_STAGES = (NECK, BOX_HEAD)
"""The stages that a detector adds to its backbone's."""


def attach_detector(graph: Graph, spec: DetectorSpec) -> Graph:
    """Return ``graph`` with the neck and the box head of ``spec``; those that it has are replaced.

    It takes images and boxes and has two outputs, (rois, classes + 1) logits and (rois, 4 (classes + 1)) offsets.

    Raises:
        ElaborationError: the backbone does not give the levels, or a number of ``spec`` does not fit.
    """
    backbone = without_own_stages(graph)
    levels = levels_of(backbone)
    names = spec.levels or default_levels(levels, end_strides(backbone))
    return attach_head(attach_neck(backbone, spec.width, names), spec)


def attach_head(graph: Graph, spec: DetectorSpec) -> Graph:
    """Return ``graph``, a backbone with a neck, with the box head of ``spec`` on the neck's levels.

    Raises:
        ElaborationError: ``graph`` has no neck.
    """
    strides, spec = neck_strides(graph), spec.at(graph.input_shape)
    maps = {output_of(name): graph.shape_of(output_of(name)) for name in strides}
    nodes = (*graph.nodes, *head_nodes(maps, tuple(strides.values()), spec))
    return Graph(graph.name, graph.input_shape, nodes, OUTPUTS)


def neck_strides(graph: Graph) -> dict[str, int]:
    """Return the levels of a detector's neck with their strides, the finest first.

    Raises:
        ElaborationError: ``graph`` has no neck.
    """
    names = [node.block.partition(".")[2] for node in graph if node.stage == NECK]
    if not names or not is_detector(graph):
        raise ElaborationError(f"{graph.name} has no neck", hint="put one on with attach_neck")
    return {name: 2 ** int(name[1:]) for name in reversed(dict.fromkeys(names))}


def spec_of(graph: Graph, spec: DetectorSpec | None = None) -> DetectorSpec:
    """Return what neck and, where it has one, box head of ``graph`` are; the rest is of ``spec``, or its defaults.

    Raises:
        ElaborationError: ``graph`` has no neck.
    """
    levels = tuple(neck_strides(graph))
    width = graph[output_of(levels[0])].shape[0]
    spec = dataclasses.replace(spec or DetectorSpec(), levels=levels, width=width).at(graph.input_shape)
    if graph.outputs != OUTPUTS:
        return spec
    pool = next(node for node in graph if node.op in ("roi_align", "roi_pool"))
    return dataclasses.replace(
        spec,
        pool="roi_align" if pool.op == "roi_align" else "roi_pool",
        size=pool.attrs["size"],
        sampling=pool.attrs.get("sampling", spec.sampling),
        aligned=pool.attrs.get("aligned", spec.aligned),
        canonical=pool.attrs["canonical"],
        rois=pool.rows,
        head_width=graph[f"{BOX_HEAD}.fc6"].shape[0],
        classes=graph[f"{BOX_HEAD}.classes"].shape[0] - 1,
    )


def without_head(graph: Graph) -> Graph:
    """Return a detector's backbone and neck; its outputs are the pyramid's levels, the finest first."""
    outputs = tuple(output_of(name) for name in neck_strides(graph))
    return prune(Graph(graph.name, graph.input_shape, graph.nodes, outputs))


def backbone_of(graph: Graph) -> Graph:
    """Return a detector's backbone up to its deepest level; a graph without a neck is its own backbone."""
    if not is_detector(graph):
        return graph
    entries = [node for node in graph if node.stage == NECK]
    # The neck runs from the coarsest level: its first node takes the backbone's end.
    backbone = without_own_stages(graph)
    return prune(Graph(graph.name, graph.input_shape, backbone.nodes, entries[0].inputs))


def without_own_stages(graph: Graph) -> Graph:
    """Return ``graph`` without what a detector adds."""
    if not is_detector(graph):
        return graph
    nodes = tuple(node for node in graph if node.stage not in OWN_STAGES)
    return Graph(graph.name, graph.input_shape, nodes)


def is_detector(graph: Graph) -> bool:
    """Return whether what ``graph`` puts out is a neck's or a box head's."""
    return any(name in graph.names and graph[name].stage in OWN_STAGES for name in graph.outputs)
