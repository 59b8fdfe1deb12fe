"""Memory layouts and precision: maps as rows of channels, channels_last or not, and what sums run in."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

# Channels converted at once; rows of 256 bytes still stream, and the converted map stays near the cache.
CHANNELS = 64


def accumulate_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype that sums run in: float64 for float64, float32 for all else."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def is_channels_last(x: Tensor) -> bool:
    """Return whether the layout is channels_last and cannot be read as contiguous as well."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def empty_like_layout(
    shape: tuple[int, int, int, int], like: Tensor, channels_last: bool, dtype: torch.dtype | None = None
) -> Tensor:
    """Return an uninitialised output on ``like``'s device, in its dtype unless another is given."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(shape, dtype=dtype or like.dtype, device=like.device, memory_format=layout)


def channel_slices(x: Tensor, direct: bool) -> Iterator[slice]:
    """Return all channels at once where rows can be read in place, else a few at a time."""
    step = max(x.shape[1], 1) if direct else CHANNELS
    return (slice(c, min(c + step, x.shape[1])) for c in range(0, x.shape[1], step))


def as_rows(x: Tensor, channels: slice) -> Tensor:
    """Return (N, C, H, W) as (N·H·W, c) contiguous rows in the accumulation dtype; in place if it can be."""
    part = x[:, channels].to(accumulate_dtype(x.dtype))
    # permute().reshape() from NCHW is six times slower than this conversion.
    part = part.contiguous(memory_format=torch.channels_last)
    return part.permute(0, 2, 3, 1).reshape(-1, part.shape[1]).contiguous()


def reads_in_place(x: Tensor) -> bool:
    """Return whether ``as_rows`` copies nothing."""
    return x.is_contiguous(memory_format=torch.channels_last) and x.dtype == accumulate_dtype(x.dtype)
