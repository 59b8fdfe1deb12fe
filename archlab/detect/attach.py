"""A neck and a box head on any network, from Python and for data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from archlab.detector import DetectorSpec, attach_detector, is_detector, spec_of
from archlab.elaborate import Network
from archlab.errors import InputError
from archlab.ir import Graph, Node

if TYPE_CHECKING:
    from archlab.detect.dataset import DetectionData

POOLS = ("roi_align", "roi_pool")

SMALL = DetectorSpec(width=64, head_width=256)
"""The neck and head of a network whose text has none, to be scored."""


def attach(network: Network | Graph, spec: DetectorSpec | None = None) -> Graph:
    """Return ``network`` with the neck and the box head of ``spec``, in the place of its own head, neck or box head.

    Without a ``spec`` that of the text's stage ``detect``. The graph takes images (N, 3, H, W) and boxes (K, 5), and
    gives (K, classes + 1) logits, the background first, and (K, 4 (classes + 1)) offsets.

    Raises:
        ElaborationError: the backbone does not give the levels.
        InputError: no ``spec``, and the text has no stage ``detect``.
    """
    if spec is None:
        spec = network.detector if isinstance(network, Network) else None
        if spec is None:
            raise InputError(f"{network.name} has no neck and box head of its own", hint="give a DetectorSpec")
    return attach_detector(network.graph if isinstance(network, Network) else network, spec)


def detector_for(graph: Graph, data: DetectionData) -> Graph:
    """Return ``graph`` as a detector of the classes of ``data``.

    Raises:
        InputError: the images are of another size than the network's input.
    """
    if graph.input_shape[1:] != data.size:
        raise InputError(
            f"{graph.name} takes images of {graph.input_shape[1]}x{graph.input_shape[2]}, and {data.source} was read "
            f"at {data.size[0]}x{data.size[1]}",
            hint="read the data at the network's size",
        )
    spec = spec_of(graph) if is_detector(graph) else SMALL
    return attach_detector(graph, dataclasses.replace(spec, classes=len(data.classes)))


def roi_node(graph: Graph) -> Node:
    """Return the RoI operator of a detector's ``graph``.

    Raises:
        InputError: it has none.
    """
    for node in graph:
        if node.op in POOLS:
            return node
    raise InputError(
        f"{graph.name} is no detector: it has no RoI operator",
        hint="write a stage detect, or attach a neck and a head with archlab.detect.attach",
    )
