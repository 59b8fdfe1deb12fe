"""NASWOT: how differently the images of a batch switch the network's ReLUs (Mellor et al. 2021, arXiv:2006.04647)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx, nn

from archlab.score.undisturbed import CODED, Run


def naswot(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:  # noqa: ARG001
    """Return log \\|det K\\|, K[i, j] being the number of units whose binary code is the same for images i and j.

    K[i, j] = N − d_H(c_i, c_j) in the paper, with N the number of all units and d_H the codes' Hamming distance. A
    unit is an element of an activation's input, its code whether that is positive: exactly a ReLU's linear region, and
    for ReLU6, leaky ReLU, PReLU, ELU, GELU, SiLU, Mish and hard swish the boundary at zero that they share with it.
    Gates (sigmoid, hard sigmoid, tanh) are not coded. Batch norms take the batch's statistics, as in the authors'
    code. K's entries are whole numbers and summed exactly for up to 2^24 units per layer, so that the score depends on
    the order of arithmetic only where an input is as good as zero.
    """
    run = _Codes(module, len(batch))
    with torch.no_grad():
        y = run.run(batch)
    if not bool(y.isfinite().all()):
        return math.nan  # not a number has the code of a negative one, and would pass unseen
    return float(torch.linalg.slogdet(run.kernel).logabsdet)


class _Codes(Run):
    def __init__(self, module: fx.GraphModule, images: int) -> None:
        super().__init__(module)
        self.kernel = torch.zeros(images, images, dtype=torch.float64)

    def part(self, part: nn.Module, x: Tensor) -> Tensor:
        if isinstance(part, CODED):
            # With codes as +1 and -1, N - d_H is half of N + their product: one product instead of two.
            signs = (x > 0).flatten(1).float() * 2 - 1
            self.kernel += (signs.shape[1] + (signs @ signs.T).double().cpu()) / 2
        return super().part(part, x)
