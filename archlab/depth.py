"""How deep a network is: its convolutions and linear layers on the longest way through it.

That is what the 50 of ResNet-50 counts (He et al. 2016, arXiv:1512.03385): shortcuts lie beside the way, and norms and
pooling are no layers.
"""

from __future__ import annotations

from collections.abc import Sequence

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment
from archlab.ir import Applied, Graph
from archlab.ways import fold, is_layer


def depth_of(network: Network) -> int:
    """Return how many convolutions and linear layers lie on the longest way through ``network``.

    >>> from archlab.elaborate import network_of
    >>> depth_of(network_of("resnet50"))
    50
    """
    if network.detector is not None:  # its neck has its inputs by name: only the graph knows what leads where
        return _in_graph(network.graph)
    return fold(network, 0, _Depth())


class _Depth:
    """The fold whose state is the depth of a value."""

    def behind(self, op: Applied, before: int) -> int:
        return before + is_layer(op)

    def joined(self, states: Sequence[int]) -> int:
        return max(states)

    def shared(self, fragment: Fragment, entered: int) -> int | None:
        return None


def _in_graph(graph: Graph) -> int:
    deepest: dict[str, int] = {}
    for node in graph:
        before = max((deepest.get(name, 0) for name in node.inputs), default=0)
        deepest[node.name] = before + is_layer(node)
    return max(deepest.values(), default=0)
