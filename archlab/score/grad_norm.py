"""Gradient norm: how strongly a first step would pull at the weights (Abdelfattah et al. 2021, arXiv:2101.08134)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.func import functional_call

from archlab.score.undisturbed import LAYERS, Run


def grad_norm(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:
    """Return the sum over convolutions and linear layers of the Euclidean norm of ∂L/∂weight.

    L is the mean cross-entropy of ``batch`` with labels drawn uniformly from ``rng``; a network that ends in maps
    gives the maps' means as logits. Batch norms take the batch's statistics.
    """
    run = _Leaves(module)
    with torch.enable_grad():
        y = run.run(batch)
        logits = y.mean(dim=(2, 3)) if y.dim() == 4 else y
        labels = torch.randint(logits.shape[1], (len(batch),), generator=rng)
        loss = F.cross_entropy(logits, labels.to(logits.device))
    gradients = torch.autograd.grad(loss, run.weights, allow_unused=True)
    return sum(float(g.norm()) for g in gradients if g is not None)


class _Leaves(Run):
    """Runs with the weights as leaves of their own, so that neither ``grad`` nor ``requires_grad`` plays a part."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.weights: list[Tensor] = []

    def part(self, part: nn.Module, x: Tensor) -> Tensor:
        if not isinstance(part, LAYERS):
            return super().part(part, x)
        leaf = part.weight.detach().requires_grad_()
        self.weights.append(leaf)
        y: Tensor = functional_call(part, {"weight": leaf}, (x,))
        return y
