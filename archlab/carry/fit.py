"""Ridge regression of a layer's weight, from what it reads and what it should give.

All in groups: a dense layer is one group, a depthwise convolution has one for each channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """First and second moments of what a layer reads, by group.

    Attributes:
        mean: (groups, d), where d is channels of a group times places of the kernel.
        cov: (groups, d, d), the covariance; the second moment about 0 where ``centred`` is false.
    """

    mean: Tensor
    cov: Tensor


def grouped(reads: Tensor, groups: int) -> Tensor:
    """Return rows (n, C, kernel places) by group, (groups, n, d)."""
    n, channels, places = reads.shape
    return reads.reshape(n, groups, channels // groups * places).transpose(0, 1).contiguous()


def together(rows: Tensor) -> Tensor:
    """Return rows by group, (groups, n, o), as (n, groups · o)."""
    return rows.transpose(0, 1).flatten(1)


def moments(reads: Tensor, groups: int) -> Moments:
    """Return the moments of rows (n, C, kernel places), the second about the mean."""
    return moments_of(*about_mean(grouped(reads, groups)))


def about_mean(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of rows by group (groups, n, d), (groups, d) in float64, and the rows less it, as they are."""
    mean = rows.mean(1)
    return mean.double(), rows - mean[:, None]


def moments_of(mean: Tensor, about: Tensor) -> Moments:
    """Return moments of rows ``about`` (groups, n, d) a mean: summed in the rows' precision, and float64 from there."""
    return Moments(mean, (about.transpose(1, 2) @ about).double() / about.shape[1])


class Ridge:
    """Solves ``min ‖X w - y‖² + λ ‖w - prior‖²`` in closed form, for every group, and for any number of ``y``."""

    def __init__(self, cov: Tensor, strength: float) -> None:
        """Factorise X'X over the rows' number, ``cov`` (groups, d, d); λ is a share of the mean of its diagonal."""
        self._damping = strength * cov.diagonal(dim1=1, dim2=2).mean(1).clamp(min=LEAST)[:, None, None]
        self._factors = torch.linalg.lu_factor(cov + self._damping * torch.eye(cov.shape[1], dtype=cov.dtype))

    def solve(self, cross: Tensor, prior: Tensor) -> Tensor:
        """Return w (groups, o, d) for X'y over the rows' number, (groups, d, o), and a prior (groups, o, d)."""
        solved: Tensor = torch.linalg.lu_solve(*self._factors, cross + self._damping * prior.transpose(1, 2))
        return solved.transpose(1, 2)


def unexplained(residual: Tensor, target: Tensor) -> float:
    """Return the share of the targets' variance, (n, channels), that ``residual`` leaves."""
    spread = float((target - target.mean(0)).square().sum(dtype=torch.float64))
    return float(residual.square().sum(dtype=torch.float64)) / spread if spread > LEAST else 0.0
