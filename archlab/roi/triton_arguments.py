"""What every launch of a Triton kernel needs: block sizes, the compiler's options, the device, the levels' numbers."""

from __future__ import annotations

import struct
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from archlab.roi.geometry import Geometry
from archlab.roi.triton_boxes import LEVELS

# A thread then loads 16 bytes: four float32 channels of 4 warps, or eight half channels of 2.
BLOCK = 64
# One warp, four float32 channels per thread.
WARP_BLOCK = 128
# Pixels of a program of a transpose, and the boxes that it looks at together.
TILE_Y, TILE_X, SCAN = 4, 4, 128
# Pixels of one axis whose weights are computed together.
TABLE_BLOCK = 128

COMPILER_OPTIONS = {"enable_fp_fusion": False, "maxnreg": 255}
"""Of every launch. A product fused with a sum would round a position otherwise, and with it a whole number; and left to
itself the assembler spills a register or two to have room for more programs.
"""


def unit_of(channels: int) -> int:
    """Return how many neighbouring channels a kernel may count on."""
    return 4 if channels % 4 == 0 else 1


def launching_on(x: Tensor) -> AbstractContextManager[Any]:
    """Return a context in which Triton launches on the device of ``x``, not on the current one."""
    # Not annotated in torch.
    guard: Any = torch.cuda.device
    return guard(x.device) if x.is_cuda else nullcontext()


def level_maps(features: list[Tensor]) -> list[Tensor]:
    """Return as many maps as a kernel takes, channels_last; those beyond the last are not read."""
    maps = [x.contiguous(memory_format=torch.channels_last) for x in features]
    return [maps[i] if i < len(maps) else maps[0] for i in range(LEVELS)]


def box_levels(boxes: Tensor, levels: Tensor | None) -> Tensor:
    if levels is None:
        return torch.zeros(len(boxes), dtype=torch.int32, device=boxes.device)
    return levels.to(torch.int32).contiguous()


def level_numbers(sizes: list[tuple[int, ...]], g: Geometry) -> list[int]:
    """Return what ``triton_boxes.LEVEL_NUMBERS`` names; those beyond the last level are not used."""
    each = [
        (*size, *(struct.unpack("q", struct.pack("d", scale))[0] for scale in pair))
        for size, pair in zip(sizes, g.scales, strict=True)
    ]
    return [n for level in range(LEVELS) for n in each[level if level < len(each) else 0]]


def power_of_two(n: int) -> int:
    """Return the power of two at or above ``n``."""
    return 1 << (n - 1).bit_length()
