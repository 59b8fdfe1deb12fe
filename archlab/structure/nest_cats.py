"""A graph in which no concatenation repeats an earlier one."""

from __future__ import annotations

from dataclasses import replace

from archlab.ir import Graph


def nest_cats(graph: Graph) -> Graph:
    """Return the same network where a cat whose inputs begin with all those of an earlier cat takes that one instead.

    DenseNets are often written with every layer on all the maps before it: ``cat(x, a)``, ``cat(x, a, b)``, … Nested,
    each layer joins one place, and only neighbours differ. What is computed is the same, to the bit.
    """
    cats: dict[tuple[str, ...], str] = {}
    nodes = []
    for node in graph:
        if node.op == "cat":
            inputs = node.inputs
            earlier = next((n for n in range(len(inputs) - 1, 1, -1) if inputs[:n] in cats), 0)
            if earlier:
                node = replace(node, inputs=(cats[inputs[:earlier]], *inputs[earlier:]))
            cats.setdefault(inputs, node.name)
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes), outputs=graph.outputs)
