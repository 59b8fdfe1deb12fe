"""The tables of boxes on a device, and the boxes in groups: what the transposes and ``prroi`` read."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.geometry import Geometry
from archlab.roi.triton_arguments import COMPILER_OPTIONS, TABLE_BLOCK, box_levels, launching_on, level_numbers
from archlab.roi.triton_boxes import MODES
from archlab.roi.triton_tables import tables_kernel

# Weights held at once: 4 bytes each in float32.
MAX_TABLE = 1 << 26

Sizes = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Tables:
    """The tables of some boxes; ``triton_tables.tables_kernel`` says what each holds."""

    place: Tensor
    group: Tensor
    intervals: Tensor
    bounds: Tensor
    runs: tuple[Tensor, Tensor]
    weights: tuple[Tensor, Tensor]

    @property
    def longest(self) -> tuple[int, int]:
        """Return the pixels of a row of the weights, of either axis."""
        return self.weights[0].shape[2], self.weights[1].shape[2]


def box_tables(boxes: Tensor, levels: Tensor | None, sizes: Sizes, g: Geometry, weights: torch.dtype | None) -> Tables:
    """Return what each box reads along both axes, and with a dtype for them the weights."""
    k, (p, q), device = len(boxes), g.bins, boxes.device
    longest = [max(1, *(size[axis] for size in sizes)) for axis in (1, 2)]

    def whole(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=torch.int32, device=device)

    tables = Tables(
        whole(k, 4),
        whole(k),
        torch.empty(k, 4, dtype=boxes.dtype, device=device),
        whole(k, 4),
        (whole(k, p, 2), whole(k, q, 2)),
        (
            torch.empty(k if weights else 0, p, longest[0], dtype=weights or boxes.dtype, device=device),
            torch.empty(k if weights else 0, q, longest[1], dtype=weights or boxes.dtype, device=device),
        ),
    )
    with launching_on(boxes):
        tables_kernel[(k,)](
            boxes.contiguous(), box_levels(boxes, levels),
            tables.place, tables.group, tables.intervals, tables.bounds, *tables.runs, *tables.weights,
            *level_numbers([size[1:] for size in sizes], g), sizes[0][0], *longest,
            P=p, Q=q, SAMPLING=max(g.sampling_ratio, 0), ALIGNED=g.aligned, MODE=MODES[g.mode],
            LEVEL_COUNT=len(sizes), WEIGHTS=weights is not None, BLOCK=TABLE_BLOCK, num_warps=1,
            **COMPILER_OPTIONS,
        )  # fmt: skip
    return tables


def table_parts(boxes: int, sizes: Sizes, g: Geometry) -> list[slice]:
    """Cut the boxes so that their weights fit into ``MAX_TABLE``."""
    each = g.bins[0] * max(h for _, h, _ in sizes) + g.bins[1] * max(w for _, _, w in sizes)
    step = max(1, MAX_TABLE // max(each, 1))
    return [slice(k, min(k + step, boxes)) for k in range(0, boxes, step)]


def grouped(group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return the boxes (K,) sorted by group, stably, and (groups + 1,) where each group begins among them.

    Boxes of a group beyond the last come after all.

    >>> [x.tolist() for x in grouped(torch.tensor([1, 0, 2, 1]), 2)]
    [[1, 0, 3, 2], [0, 1, 3]]
    """
    keys, member = torch.sort(group, stable=True)
    edges = torch.arange(groups + 1, device=group.device, dtype=group.dtype)
    return member, torch.searchsorted(keys, edges)
