"""A network run one operator at a time, so that what flows between them can be seen and its weights changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from archlab.errors import BuildError
from archlab.ir import INPUT, Graph, Node
from archlab.nn.module import target_of

BATCH = 128
"""Images that run together: what an operator makes of them is used while it is still in the processor's cache."""


class Forward:
    """The forward of a built module; a value is freed after its last use, unless it was asked to be kept.

    Attributes:
        values: what is alive, by its operator's name: (N, C, H, W) or (N, F), in batches of ``BATCH`` images.
    """

    def __init__(self, module: nn.Module, graph: Graph, images: Tensor, keep: Iterable[str] = ()) -> None:
        self.module = module
        self.graph = graph
        self.values: dict[str, list[Tensor]] = {INPUT: in_batches(images)}
        self._uses = Counter(name for node in graph for name in node.inputs)
        self._uses.update(keep)
        self._ahead = iter(graph)

    def run(self, node: Node) -> None:
        """Run one operator, whose inputs have run."""
        batches = zip(*(self.values[name] for name in node.inputs), strict=True)
        self.values[node.name] = [apply(self.module, node, list(inputs)) for inputs in batches]
        for name in node.inputs:
            self.release(name)

    def run_to(self, name: str) -> list[Tensor]:
        """Run in the graph's order until ``name`` has run; return its value."""
        while name not in self.values:
            self.run(next(self._ahead))
        return self.values[name]

    def release(self, name: str) -> None:
        """Say that a value was used once more."""
        self._uses[name] -= 1
        if self._uses[name] <= 0:
            self.values.pop(name, None)


def in_batches(images: Tensor) -> list[Tensor]:
    """Return images (N, C, H, W) in batches, with their channels last: convolutions run two to five times as fast."""
    layout = torch.channels_last if images.dim() == 4 else torch.preserve_format
    return [batch.to(memory_format=layout) for batch in torch.split(images, BATCH)]


def layer_of(module: nn.Module, node: Node) -> nn.Module:
    """Return the torch module of an operator that has one.

    Raises:
        BuildError: ``module`` was not built from the node's graph.
    """
    try:
        return module.get_submodule(target_of(node.name))
    except AttributeError:
        raise BuildError(f"{node.name}: the module has no such layer", hint="build it from the graph") from None


def apply(module: nn.Module, node: Node, inputs: list[Tensor]) -> Tensor:
    """Return the output of one operator."""
    match node.op:
        case "slice":
            return inputs[0][:, node.attrs["start"] : node.attrs["stop"]]
        case "cat":
            return torch.cat(inputs, 1)
        case "add" | "mul" | "sub":
            total = inputs[0]
            for x in inputs[1:]:
                total = total + x if node.op == "add" else total * x if node.op == "mul" else total - x
            return total
        case _:
            value: Tensor = layer_of(module, node)(*inputs)
            return value
