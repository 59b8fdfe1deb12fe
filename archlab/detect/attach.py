"""A neck and a box head on any network, from Python."""

from __future__ import annotations

from archlab.detector import DetectorSpec, attach_detector
from archlab.elaborate import Network
from archlab.errors import InputError
from archlab.ir import Graph


def attach(network: Network | Graph, spec: DetectorSpec | None = None) -> Graph:
    """``network`` with the neck and the box head of ``spec``, in the place of its own head, neck or box head.

    Without a ``spec`` that of the text's stage ``detect``. The graph takes images (N, 3, H, W) and boxes (K, 5), and
    gives (K, classes + 1) logits, the background first, and (K, 4 (classes + 1)) offsets.

    Raises:
        ElaborationError: the backbone does not give the levels.
        InputError: no ``spec``, and the text has no stage ``detect``.
    """
    if spec is None:
        spec = network.detector if isinstance(network, Network) else None
        if spec is None:
            raise InputError(f"{network.name} says no neck and box head", hint="give a DetectorSpec")
    return attach_detector(network.graph if isinstance(network, Network) else network, spec)
