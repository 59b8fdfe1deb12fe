"""How deep a network is: its convolutions and linear layers on the longest way through it.

That is what the 50 of ResNet-50 counts (He et al. 2016, arXiv:1512.03385): shortcuts lie beside the way, and norms and
pooling are no layers.
"""

from __future__ import annotations

from collections.abc import Hashable

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment, gives_nothing
from archlab.ir import Applied, Graph


def depth_of(network: Network) -> int:
    """Return how many convolutions and linear layers lie on the longest way through ``network``.

    >>> from archlab.elaborate import network_of
    >>> depth_of(network_of("resnet50"))
    50
    """
    if network.detector is not None:  # its neck has its inputs by name: only the graph knows what leads where
        return _in_graph(network.graph)
    depth, named = 0, dict[Hashable, int]()
    for name, fragment in network.stages:
        named[name] = depth = _through(fragment, depth, named)  # a later stage may read it by that name
    return depth


def _in_graph(graph: Graph) -> int:
    deepest: dict[str, int] = {}
    for node in graph:
        before = max((deepest.get(name, 0) for name in node.inputs), default=0)
        deepest[node.name] = before + is_layer(node)
    return max(deepest.values(), default=0)


def _through(fragment: Fragment, entered: int, named: dict[Hashable, int]) -> int:
    """Return the depth behind a piece that is entered at a depth, and note that of the values named in it."""
    values = fragment.values
    if values is not None and values.taken is not None:
        return named[values.taken]
    own = is_layer(fragment.op) if fragment.op is not None else 0
    if fragment.op is not None or (values is not None and values.fan):  # branches, or an operator without any
        ends = [(_through(part, entered, named), gives_nothing(part)) for _, part in fragment.parts]
        left = max((end for end, nothing in ends if not nothing), default=entered) + own
    else:
        left = entered
        for _, part in fragment.parts:
            left = _through(part, left, named)
    if values is not None and values.given is not None:
        named[values.given] = left
    return left


def is_layer(op: Applied) -> bool:
    """Return whether an operator is a convolution or a linear layer."""
    return bool(op.activations) and "weight" in op.weights
