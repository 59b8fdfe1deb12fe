"""A convolution's kernel as a product of cheaper ones: by singular values where there is a best one, else in turns.

Kernels are (out, in, height, width). What the layer reads weighs what is lost, where its covariance is known:
``cov`` (in · places, in · places), in the order of the kernel's numbers. All in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archlab.carry.fit import LEAST

STARTS = 4
TURNS = 60
"""How often two kernels are fitted in turn."""
STRENGTH = 1e-9
"""Of the ridge that keeps a system solvable, as a share of the mean of its diagonal."""


def depthwise_pointwise(kernel: Tensor, cov: Tensor | None, many: int) -> tuple[Tensor, Tensor]:
    """Return ``many`` filters of each input channel, (in · many, 1, h, w), and what mixes them, (out, in · many, 1, 1).

    Of each input channel the best approximation of its filters of that rank (Eckart and Young 1936), exact where they
    have no higher one; then the mixture that is best with all channels together.
    """
    out, channels, height, width = kernel.shape
    places = height * width
    filters = torch.zeros(channels * many, places, dtype=torch.float64)
    mixing = torch.zeros(out, channels * many, dtype=torch.float64)
    for i in range(channels):
        own = slice(i * places, (i + 1) * places)
        left, right = _low_rank(kernel[:, i].flatten(1).double(), None if cov is None else cov[own, own], many)
        filters[i * many : i * many + len(right)] = right
        mixing[:, i * many : i * many + left.shape[1]] = left
    if cov is not None:
        spread = torch.zeros(channels * many, channels * places, dtype=torch.float64)
        for i in range(channels):
            spread[i * many : (i + 1) * many, i * places : (i + 1) * places] = filters[i * many : (i + 1) * many]
        mixing = _mixture(kernel.double().flatten(1), spread, cov, mixing)
    return filters.view(-1, 1, height, width), mixing[:, :, None, None]


def across_and_down(kernel: Tensor, cov: Tensor | None, middle: int) -> tuple[Tensor, Tensor]:
    """Return (middle, in, 1, w) and (out, middle, h, 1), whose product is the best of rank ``middle``.

    The kernel as a matrix, rows of it and outputs by columns of it and inputs (Jaderberg et al. 2014, arXiv:1405.3866).
    """
    out, channels, height, width = kernel.shape
    matrix = kernel.double().permute(0, 2, 1, 3).reshape(out * height, channels * width)
    weigh = None
    if cov is not None:
        blocks = cov.view(channels, height, width, channels, height, width)
        weigh = torch.stack([blocks[:, a, :, :, a, :] for a in range(height)]).mean(0)
        weigh = weigh.reshape(channels * width, channels * width)
    left, right = _low_rank(matrix, weigh, middle)
    across = torch.zeros(middle, channels, 1, width, dtype=torch.float64)
    down = torch.zeros(out, middle, height, 1, dtype=torch.float64)
    across[: len(right)] = right.view(-1, channels, 1, width)
    down[:, : left.shape[1]] = left.view(out, height, -1).permute(0, 2, 1)[..., None]
    return across, down


def narrowed(kernel: Tensor, cov: Tensor | None, middle: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return (m, in, 1, 1), (m, m, h, w) and (out, m, 1, 1): Tucker's form in inputs and outputs (arXiv:1511.06530)."""
    out, channels, height, width = kernel.shape
    places = height * width
    unfolded = kernel.double().permute(1, 0, 2, 3).reshape(channels, -1)
    weigh = None
    if cov is not None:
        blocks = cov.view(channels, places, channels, places)
        weigh = torch.stack([blocks[:, t, :, t] for t in range(places)]).mean(0)
    _, down = _low_rank(unfolded.T, weigh, middle)
    down = _padded(down, middle, 0)
    spread = torch.einsum("mi,st->msit", down, torch.eye(places, dtype=torch.float64)).reshape(
        middle * places, channels * places
    )
    inner_cov = spread @ spread.T if cov is None else spread @ cov @ spread.T
    wanted = _mixture(kernel.double().flatten(1), spread, cov, torch.zeros(out, middle * places, dtype=torch.float64))
    up, inner = _low_rank(wanted, inner_cov, middle)
    return (
        down[:, :, None, None],
        _padded(inner, middle, 0).view(middle, middle, height, width),
        _padded(up, middle, 1)[:, :, None, None],
    )


def grouped_kernel(kernel: Tensor, cov: Tensor | None, groups: int, source: Tensor) -> Tensor:
    """Return filters (out, in / groups, h, w) of a grouped convolution, each the best that reads its group alone.

    Args:
        source: (out,) which of the kernel's outputs each filter stands for.
    """
    out, channels, height, width = kernel.shape
    each, places = channels // groups, height * width
    made = torch.zeros(out, each, height, width, dtype=torch.float64)
    full = kernel.double()[source].flatten(1)
    for g in range(groups):
        rows = slice(g * out // groups, (g + 1) * out // groups)
        read = slice(g * each * places, (g + 1) * each * places)
        own = full[rows, read]
        if cov is not None:
            own = _solve(cov[read, read], cov[read] @ full[rows].T).T
        made[rows] = own.reshape(-1, each, height, width)
    return made


def two_kernels(kernel: Tensor, middle: int, first: tuple[int, int], stride: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return (middle, in, a, b) and (out, middle, c, d), one behind the other nearest to the kernel, fitted in turns.

    Args:
        first: (a, b), the size of the first kernel; the second has what makes the kernel's size, or the next odd one.
        stride: of the first kernel, whose outputs the second reads.
    """
    out, channels = kernel.shape[:2]
    second = tuple((k - a) // s + 1 | 1 for k, a, s in zip(kernel.shape[2:], first, stride, strict=True))
    size = tuple((c - 1) * s + a for a, c, s in zip(first, second, stride, strict=True))
    goal = torch.zeros(out, channels, *size, dtype=torch.float64)
    top, left = ((a - b) // 2 for a, b in zip(size, kernel.shape[2:], strict=True))
    goal[:, :, top : top + kernel.shape[2], left : left + kernel.shape[3]] = kernel.double()
    found = [_in_turns(goal, middle, first, second, stride, start) for start in range(STARTS)]
    _, one, two = min(found, key=lambda each: each[0])
    return one, two


def _in_turns(
    goal: Tensor, middle: int, first: tuple[int, int], second: tuple[int, ...], stride: tuple[int, int], start: int
) -> tuple[float, Tensor, Tensor]:
    """Return the error, and two kernels that were fitted in turns from a start: it may end in a poor one."""
    rng = torch.Generator().manual_seed(start)
    one = torch.randn(middle, goal.shape[1], *first, generator=rng, dtype=torch.float64)
    for _ in range(TURNS):
        one = _first(goal, _second(goal, one, second, stride), first, stride)
        one = one / one.flatten(1).norm(dim=1).clamp(min=LEAST)[:, None, None, None]
    two = _second(goal, one, second, stride)
    return float((_one_kernel(one, two, stride) - goal).square().sum()), one, two


def _one_kernel(one: Tensor, two: Tensor, stride: tuple[int, int]) -> Tensor:
    """Return the kernel of two convolutions one behind the other, the first at a stride."""
    size = [(c - 1) * s + a for a, c, s in zip(one.shape[2:], two.shape[2:], stride, strict=True)]
    whole = torch.zeros(len(two), one.shape[1], *size, dtype=torch.float64)
    for y in range(two.shape[2]):
        for x in range(two.shape[3]):
            a, b = y * stride[0], x * stride[1]
            whole[:, :, a : a + one.shape[2], b : b + one.shape[3]] += torch.einsum(
                "om,mihw->oihw", two[:, :, y, x], one
            )
    return whole


def _second(goal: Tensor, one: Tensor, second: tuple[int, ...], stride: tuple[int, int]) -> Tensor:
    """Return the second kernel that is best behind the first."""
    rows = []
    for y in range(second[0]):
        for x in range(second[1]):
            placed = torch.zeros(len(one), *goal.shape[1:], dtype=torch.float64)
            a, b = y * stride[0], x * stride[1]
            placed[:, :, a : a + one.shape[2], b : b + one.shape[3]] = one
            rows.append(placed.flatten(1))
    design = torch.stack(rows, 1).flatten(0, 1)  # (middle · places, in · size)
    return _solve(design @ design.T, design @ goal.flatten(1).T).T.reshape(len(goal), len(one), *second)


def _first(goal: Tensor, two: Tensor, first: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """Return the first kernel that is best before the second."""
    columns = []
    for y in range(first[0]):
        for x in range(first[1]):
            placed = torch.zeros(*two.shape[:2], *goal.shape[2:], dtype=torch.float64)
            end = (two.shape[2] - 1) * stride[0] + 1, (two.shape[3] - 1) * stride[1] + 1
            placed[:, :, y : y + end[0] : stride[0], x : x + end[1] : stride[1]] = two
            columns.append(placed.permute(1, 0, 2, 3).flatten(1))
    design = torch.stack(columns, 1).flatten(0, 1)  # (middle · places, out · size)
    found = _solve(design @ design.T, design @ goal.permute(0, 2, 3, 1).flatten(0, 2))
    return found.view(two.shape[1], *first, -1).permute(0, 3, 1, 2).contiguous()


def _low_rank(matrix: Tensor, cov: Tensor | None, rank: int) -> tuple[Tensor, Tensor]:
    """Return (a, r) and (r, b), r at most ``rank``, whose product is nearest to ``matrix``, weighed by ``cov``."""
    root = back = None
    if cov is not None:
        values, vectors = torch.linalg.eigh(cov)
        values = values.clamp(min=float(values.max().clamp(min=LEAST)) * 1e-10).sqrt()
        root, back = (vectors * values) @ vectors.T, (vectors / values) @ vectors.T
    u, s, v = torch.linalg.svd(matrix if root is None else matrix @ root, full_matrices=False)
    left, right = u[:, :rank] * s[:rank].sqrt(), s[:rank, None].sqrt() * v[:rank]
    return left, right if back is None else right @ back


def _mixture(full: Tensor, spread: Tensor, cov: Tensor | None, prior: Tensor) -> Tensor:
    """Return what mixes the features ``spread`` (m, d) best into ``full`` (out, d); ``prior`` where all are zero."""
    weighed = spread if cov is None else spread @ cov
    inner = weighed @ spread.T
    if float(inner.diagonal().sum()) <= LEAST:
        return prior
    return _solve(inner, weighed @ full.T).T


def _solve(left: Tensor, right: Tensor) -> Tensor:
    damping = STRENGTH * float(left.diagonal().mean().clamp(min=LEAST))
    found: Tensor = torch.linalg.solve(left + damping * torch.eye(len(left), dtype=left.dtype), right)
    return found


def _padded(matrix: Tensor, size: int, axis: int) -> Tensor:
    """Return a matrix with zeros behind, up to ``size`` along an axis."""
    shape = list(matrix.shape)
    shape[axis] = size - shape[axis]
    return torch.cat([matrix, matrix.new_zeros(shape)], axis)
