"""How many elements are alive while a graph's operators run, each value until its last use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archlab.ir import Node, numel
from archlab.ops import OPS


def elements_alive(nodes: Sequence[Node], given: Mapping[str, int], outputs: Iterable[str]) -> list[int]:
    """Count the elements alive while each of ``nodes`` runs, in order.

    Args:
        given: elements of the values that they find, by name; what is not among them, such as boxes, counts nothing.
        outputs: the values that stay alive to the end.
    """
    home: dict[str, str] = {}  # a view lives in its input's memory
    size = dict(given)
    last: dict[str, int] = {}
    for i, node in enumerate(nodes):
        home[node.name] = home.get(node.inputs[0], node.inputs[0]) if OPS[node.op].view else node.name
        if not OPS[node.op].view:
            size[node.name] = node.rows * numel(node.shape)
        last |= {home.get(name, name): i for name in (*node.inputs, node.name)}
    last |= {home.get(name, name): len(nodes) for name in outputs}
    live = sum(size[name] for name in given if name in last)
    during = []
    for i, node in enumerate(nodes):
        live += size.get(node.name, 0)
        during.append(live)
        live -= sum(size.get(name, 0) for name, end in last.items() if end == i)
    return during
