"""A network as a torch.export program."""

from __future__ import annotations

import io

import torch

from archlab.elaborate import Network, Space
from archlab.exchange.export_parts import DetectorPart, Weights, build_part
from archlab.nn.blank_inputs import blank_inputs


def write(space: Space, network: Network, seed: int, part: DetectorPart, weights: Weights | None = None) -> bytes:
    """Return the saved program, for any batch and any number of boxes."""
    graph, module = build_part(network, part, seed, weights)
    # A batch of one would be taken for a constant.
    shapes = tuple({0: torch.export.Dim(name)} for name in ("batch", "boxes")[: len(graph.inputs)])
    program = torch.export.export(module, blank_inputs(graph, images=2), dynamic_shapes=shapes)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()
