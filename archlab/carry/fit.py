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
    return reads.reshape(n, groups, channels // groups * places).transpose(0, 1)


def together(rows: Tensor) -> Tensor:
    """Return rows by group, (groups, n, o), as (n, groups · o)."""
    return rows.transpose(0, 1).flatten(1)


def moments(reads: Tensor, groups: int, centred: bool = True) -> Moments:
    """Return the moments of rows (n, C, kernel places).

    The products are summed in the rows' own precision, about the mean, and everything after them is float64.
    """
    rows = grouped(reads, groups)
    mean = rows.double().mean(1)
    about = rows - mean[:, None].to(rows.dtype) if centred else rows
    return Moments(mean, (about.transpose(1, 2) @ about).double() / rows.shape[1])


def ridge(cov: Tensor, cross: Tensor, prior: Tensor, strength: float) -> Tensor:
    """Solve ``min ‖X w - y‖² + λ ‖w - prior‖²`` in closed form, for every group.

    Args:
        cov: (groups, d, d), X'X over the rows' number.
        cross: (groups, d, o), X'y over the rows' number.
        prior: (groups, o, d).
        strength: λ as a share of the mean of the covariance's diagonal.

    Returns:
        (groups, o, d).
    """
    damping = strength * cov.diagonal(dim1=1, dim2=2).mean(1).clamp(min=LEAST)[:, None, None]
    left = cov + damping * torch.eye(cov.shape[1], dtype=cov.dtype)
    solved: Tensor = torch.linalg.solve(left, cross + damping * prior.transpose(1, 2))
    return solved.transpose(1, 2)


def unexplained(residual: Tensor, target: Tensor) -> float:
    """Return the share of the targets' variance, (n, channels), that ``residual`` leaves."""
    spread = float((target - target.mean(0)).square().sum())
    return float(residual.square().sum()) / spread if spread > LEAST else 0.0
