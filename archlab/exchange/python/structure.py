"""A network as nested modules: which parts of its paths take one value and give one, and what happens in each.

The state dict says how modules nest; whether one can be called is a question of the data flow. ``stage3.1`` takes one
value and gives one, so it is a module with a ``forward``; where a text puts two layers of one name in different
branches, their common prefix is no more than a folder, and what it holds is called from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment
from archlab.ir import INPUT, Graph, Node
from archlab.nn.module import target_of
from archlab.nn.operators import FUNCTIONS


@dataclass(slots=True)
class Module:
    """A module of the state dict's tree.

    Attributes:
        path: its place, as the state dict's keys begin.
        nodes: the operators in it, in running order.
        node: the operator that it is, for a leaf.
        children: the modules directly in it.
        label: the block of the language that it is; empty where it is none.
    """

    path: str
    nodes: list[Node] = field(default_factory=list)
    node: Node | None = None
    children: dict[str, Module] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a ``forward``: a module called, or a function of tensors.

    ``name`` is the value that it gives, ``inputs`` are those that it takes, ``path`` is the module's from where it is
    called; empty for a function, which ``node`` is.
    """

    name: str
    inputs: tuple[str, ...]
    path: str = ""
    module: Module | None = None
    node: Node | None = None


def tree(network: Network) -> Module:
    """Return the modules of a network, from the root."""
    graph = network.graph
    labels = _labels(network.stages)
    root = Module("", list(graph))
    for node in graph:
        parts = target_of(node.name).split(".")
        own = parts[:-1] if node.op in FUNCTIONS else parts
        here = root
        for i, part in enumerate(own, 1):
            path = ".".join(own[:i])
            here = here.children.setdefault(part, Module(path, label=labels.get(path, "")))
            here.nodes.append(node)
        if node.op not in FUNCTIONS:
            here.node = node
    return root


def _labels(stages: Sequence[tuple[str, Fragment]]) -> dict[str, str]:
    labels: dict[str, str] = {}

    def walk(fragment: Fragment, path: str) -> None:
        if fragment.block:
            labels.setdefault(target_of(path), fragment.block)
        for name, part in fragment.parts:
            walk(part, f"{path}.{name}" if name else path)

    for name, fragment in stages:
        walk(fragment, name)
    return labels


def takes(module: Module, graph: Graph) -> str | None:
    """Return the one value that ``module`` takes, if it can be called: it takes one, from before it, and gives one."""
    inside = {node.name for node in module.nodes}
    before = list(dict.fromkeys(x for node in module.nodes for x in node.inputs if x not in inside))
    order = {node.name: i for i, node in enumerate(graph, 1)}
    if len(before) != 1 or order.get(before[0], 0) > order[module.nodes[0].name] or len(_gives(module, graph)) != 1:
        return None
    return before[0]


def _gives(module: Module, graph: Graph) -> list[str]:
    inside = {node.name for node in module.nodes}
    used = {x for node in graph if node.name not in inside for x in node.inputs} | {graph.output}
    return [node.name for node in module.nodes if node.name in used]


def steps(module: Module, graph: Graph) -> list[Step]:
    """Return what ``module`` does with its input, in running order."""
    done: set[str] = set()
    lines: list[Step] = []
    for node in module.nodes:
        if node.name in done:
            continue
        called = _called(module, node, graph)
        if called is None:
            lines.append(Step(node.name, node.inputs, node=node))
            continue
        done |= {inner.name for inner in called.nodes}
        source = takes(called, graph)
        assert source is not None
        path = called.path[len(module.path) + 1 :] if module.path else called.path
        lines.append(Step(_gives(called, graph)[0], (source,), path, called))
    return lines


def _called(module: Module, node: Node, graph: Graph) -> Module | None:
    """Return the largest part of ``module`` that holds ``node`` and can be called."""
    if node.op in FUNCTIONS and target_of(node.name).rpartition(".")[0] == module.path:
        return None
    for child in _on_the_way(module, node):
        if takes(child, graph) is not None:
            return child
    return None


def _on_the_way(module: Module, node: Node) -> Iterator[Module]:
    rest = target_of(node.name)[len(module.path) + 1 if module.path else 0 :].split(".")
    for part in rest:
        if part not in module.children:
            return
        module = module.children[part]
        yield module


def entry(module: Module, graph: Graph) -> str:
    """Return the value that enters ``module``; the network's input for the root."""
    return INPUT if not module.path else takes(module, graph) or INPUT
