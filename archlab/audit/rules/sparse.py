"""What sparse tensors store, from their layouts: no dense form is made."""

from __future__ import annotations

import torch
from torch import Tensor


def stored(tensor: Tensor) -> int:
    """Return how many elements a tensor stores; of a sparse one those in blocks all."""
    if tensor.layout is torch.strided:
        return tensor.numel()
    if tensor.layout is torch.sparse_coo:
        return tensor._values().numel()
    by_block = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)
    return tensor.values().numel() if tensor.layout in by_block else tensor.numel()


def sparse_pairs(left: Tensor, right: Tensor) -> int:
    """Return the products of two sparse matrices: each stored element meets those in one row of the other.

    Σₖ (elements in column k of the left) · (elements in row k of the right), by blocks where both have blocks that fit;
    where these differ, as if each stored element met a full row.
    """
    columns, (height, width) = _per_line(left, axis=1)
    rows, (depth, breadth) = _per_line(right, axis=0)
    if width != depth:
        return stored(left) * right.shape[-1]
    return int((columns * rows).sum()) * height * width * breadth


def _per_line(matrix: Tensor, axis: int) -> tuple[Tensor, tuple[int, int]]:
    """Return how many blocks there are in each row (axis 0) or column (axis 1) of blocks, and the size of a block."""
    if matrix.layout is torch.sparse_coo:
        places = matrix.coalesce().indices()[axis]
        return torch.bincount(places, minlength=matrix.shape[axis]), (1, 1)
    by_rows = matrix.layout in (torch.sparse_csr, torch.sparse_bsr)
    ends, places = (
        (matrix.crow_indices(), matrix.col_indices()) if by_rows else (matrix.ccol_indices(), matrix.row_indices())
    )
    shape = tuple(matrix.values().shape[1:3])
    block = (shape[0], shape[1]) if len(shape) == 2 else (1, 1)
    if by_rows == (axis == 0):
        return ends.diff().long(), block
    return torch.bincount(places.long(), minlength=matrix.shape[axis] // block[axis]), block
