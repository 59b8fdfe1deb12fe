"""Zen-score: how strongly the features answer to a small change of the input (Lin et al. 2021, arXiv:2102.01063)."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor, fx, nn

from archlab.detector import prune
from archlab.ir import INPUT, Graph
from archlab.nn.module import build
from archlab.score.undisturbed import LAYERS, Run

ALPHA = 0.01
REPEATS = 3


def zen(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:
    """Return log E ‖F(x) − F(x + αε)‖₁ + the sum over batch norms of log √(mean variance) (algorithm 1).

    F is the network up to its global pooling, without its shortcuts (an addition passes its first input on), every
    weight from N(0, 1) and every bias 0; x and ε from N(0, 1) in the shape of ``batch``, α = 0.01. The mean of three
    draws, all from ``rng``; the module's own weights play no part. The second term puts back what batch norms divide
    by. The norm is the sum of absolute differences, as in the authors' code, where the paper writes Frobenius's; the
    variances are those of x's batch, where the code takes the running ones.
    """
    plain = build(plain_part(module.meta["graph"])).to(batch.device)
    scores = [_once(plain, batch, rng) for _ in range(REPEATS)]
    return sum(scores) / len(scores)


@torch.no_grad()
def _once(plain: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:
    for part in plain.modules():
        if isinstance(part, LAYERS):
            part.weight.copy_(torch.randn(part.weight.shape, generator=rng))
    x = torch.randn(batch.shape, generator=rng)
    epsilon = torch.randn(batch.shape, generator=rng)
    first, second = _Scaled(plain), Run(plain)
    difference = first.run(x.to(batch.device)) - second.run((x + ALPHA * epsilon).to(batch.device))
    change = difference.abs().flatten(1).sum(dim=1).double().mean().item()
    return (-math.inf if change <= 0 else math.log(change)) + first.log_scale


class _Scaled(Run):
    """Sums the logarithm of what batch norms divide by."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.log_scale = 0.0

    def part(self, part: nn.Module, x: Tensor) -> Tensor:
        if isinstance(part, nn.BatchNorm2d):
            variance = x.var(dim=(0, 2, 3), correction=0).double().mean().item()
            self.log_scale += -math.inf if variance <= 0 else 0.5 * math.log(variance)
        return super().part(part, x)


def plain_part(graph: Graph) -> Graph:
    """Return ``graph`` up to its global pooling, its additions replaced by their first input."""
    stands_for = {INPUT: INPUT}
    nodes = []
    for node in graph.nodes[: _features(graph)]:
        inputs = tuple(stands_for[name] for name in node.inputs)
        # The first that is not stretched: the others are shortcuts, or what is added to each place or channel.
        full = [name for name, old in zip(inputs, node.inputs, strict=True) if graph.shape_of(old) == node.shape]
        stands_for[node.name] = full[0] if node.op == "add" and full else node.name
        nodes.append(dataclasses.replace(node, inputs=inputs))
    outputs = (stands_for[nodes[-1].name],) if nodes else ()
    return prune(Graph(graph.name, graph.input_shape, tuple(nodes), outputs))


def _features(graph: Graph) -> int:
    """Count the nodes before the global pooling behind which there is no map any more; all without one."""
    for i, node in enumerate(graph):
        if node.op in ("gap", "gmp") and all(math.prod(later.shape[1:]) == 1 for later in graph.nodes[i:]):
            return i
    return len(graph)
