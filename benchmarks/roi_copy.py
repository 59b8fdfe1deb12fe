"""How fast this machine copies, and what an RoI operator would have to copy: a measure that travels."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor


def distinct_pixels(
    rois: Tensor, size: tuple[int, int], scale: float, bins: int, sampling: int, aligned: bool = True
) -> int:
    """Return the pixels that bilinear samples weigh, each once per RoI, summed over the RoIs."""
    total = 0
    for _, x1, y1, x2, y2 in rois.tolist():
        rows, columns = (
            _pixels(lo * scale, hi * scale, length, bins, sampling, aligned)
            for lo, hi, length in ((y1, y2, size[0]), (x1, x2, size[1]))
        )
        total += rows * columns
    return total


def _pixels(lo: float, hi: float, length: int, bins: int, sampling: int, aligned: bool) -> int:
    start, extent = (lo - 0.5, hi - lo) if aligned else (lo, max(hi - lo, 1.0))
    grid = sampling if sampling > 0 else max(math.ceil(extent / bins), 1)
    found = set()
    for sample in range(bins * grid):
        at = start + (sample + 0.5) * extent / (bins * grid)
        if -1 <= at <= length:
            at = max(at, 0.0)
            low = min(int(at), length - 1)
            found |= {low} if low == length - 1 or at == low else {low, low + 1}
    return len(found)


class CopyRate:
    """Bytes of memory traffic, read and written, per millisecond of CPU time of a plain copy: the best of all tries."""

    def __init__(self) -> None:
        self.source = torch.ones(32 << 20)
        self.target = torch.empty_like(self.source)
        self.target.copy_(self.source)
        self.best = 0.0

    def measure(self) -> None:
        start = time.process_time()
        self.target.copy_(self.source)
        milliseconds = (time.process_time() - start) * 1e3
        self.best = max(self.best, 2 * self.source.numel() * 4 / milliseconds)
