"""Which part of a detector to export: all of it, backbone and neck, or the backbone alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from archlab.detector import backbone_of, without_head
from archlab.elaborate import Network
from archlab.errors import BuildError, InputError
from archlab.ir import Graph
from archlab.ops import OPAQUE

if TYPE_CHECKING:
    from torch import Tensor, fx

DetectorPart = Literal["whole", "neck", "backbone"]
PARTS: tuple[DetectorPart, ...] = ("whole", "neck", "backbone")
"""What of a detector can be exported."""

Weights = Mapping[str, "Tensor"]
"""A trained network's state dict, by the names of ``archlab.nn.build``."""


def weights_file(name: str) -> str:
    """Return the name of the file of weights that lies beside the Python source of the network ``name``."""
    return f"{name}.safetensors"


def build_part(
    network: Network, part: DetectorPart, seed: int, weights: Weights | None = None
) -> tuple[Graph, fx.GraphModule]:
    """Return the graph of a part, and its module in eval mode with the weights that it has in the whole.

    Args:
        weights: the whole's; by default those of ``seed``.

    Raises:
        InputError: there is no such part, or the weights are not this network's.
    """
    from archlab.nn.module import build, part_of
    from archlab.nn.weight_files import put_state

    refuse_missing_part(network, part)
    module = build(network.graph, seed).eval()
    if weights is not None:
        put_state(module, weights, "the state dict")
    if part == "whole":
        return network.graph, module
    graph = without_head(network.graph) if part == "neck" else backbone_of(network.graph)
    return graph, part_of(module, graph)


def refuse_opaque(graph: Graph) -> None:
    """Raise where a network stands for modules that its text does not say.

    Raises:
        BuildError: it has an ``opaque``; the message names them.
    """
    names = [f'opaque("{node.attrs["name"]}")' for node in graph if node.op == OPAQUE]
    if names:
        raise BuildError(
            f"{graph.name} cannot be exported with {', '.join(names[:4])}{' …' if len(names) > 4 else ''}",
            hint="build it with its originals, and export the module with torch; as text it can be written to arch",
        )


def refuse_missing_part(network: Network, part: DetectorPart) -> None:
    """Raise where ``network`` has no such part.

    Raises:
        InputError: it is no detector, or there is no such part.
    """
    if part not in PARTS:
        raise InputError(f"there is no part {part!r}", hint=f"one of: {', '.join(PARTS)}")
    if part != "whole" and network.detector is None:
        raise InputError(f"{network.name} is no detector, so it has no {part} to export alone", hint="export it whole")
