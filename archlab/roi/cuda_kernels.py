"""The operators on CUDA: what the Triton kernels compute, and launches of them.

``roi_align`` in mode ``avg`` is one fused launch for all levels, without a synchronisation with the host; its
transpose is the taps, a stable sort and a sum over runs, without atomics. Everything else (maxima,
``prroi``, the gradient to the boxes, derivatives of derivatives) runs through the same tensor code as on
CPU, which is deterministic on CUDA too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from archlab.roi import kernels
from archlab.roi.geometry import Geometry, size_triples
from archlab.roi.layouts import accumulate_dtype, is_channels_last
from archlab.roi.level_rois import split_by_level
from archlab.roi.matrix_products import by_pixel
from archlab.roi.tap_matrix import tap_matrices
from archlab.roi.triton_kernels import LEVELS, roi_align_kernel, taps_kernel

# A thread then loads 16 bytes: four float32 channels of 4 warps, or eight half channels of 2.
BLOCK = 64
# One warp, four float32 channels per thread.
TRANSPOSED_BLOCK = 128


def launch_align(features: list[Tensor], boxes: Tensor, levels: Tensor | None, g: Geometry) -> Tensor:
    """Launch the fused forward: (K, C, P, Q) in the first map's dtype and layout. Mode ``avg`` only."""
    first = features[0]
    k, c, (p, q) = len(boxes), first.shape[1], g.bins
    last = is_channels_last(first)
    maps = [x.contiguous(memory_format=torch.channels_last) for x in features]
    out = torch.empty((k, p, q, c), dtype=first.dtype, device=first.device)
    if levels is None:
        levels = torch.zeros(k, dtype=torch.int32, device=first.device)
    per_level = [
        (*x.shape[2:], *(struct.unpack("q", struct.pack("d", scale))[0] for scale in pair))
        for x, pair in zip(maps, g.scales, strict=True)
    ]
    numbers = [n for level in range(LEVELS) for n in per_level[level if level < len(maps) else 0]]
    pointers = [maps[i] if i < len(maps) else maps[0] for i in range(LEVELS)]
    if out.numel():
        row = 1 << (q - 1).bit_length()
        unit = unit_of(c)
        with launching_on(first):
            roi_align_kernel[(k, -(-c // BLOCK))](
                *pointers, boxes.contiguous(), levels.to(torch.int32), out,
                *numbers, c // unit, first.shape[0],
                UNIT=unit, P=p, Q=q, SAMPLING=max(g.sampling_ratio, 0), ALIGNED=g.aligned,
                LEVEL_COUNT=len(maps), ROW=row, BLOCK=BLOCK, num_warps=2 if first.element_size() == 2 else 4,
            )  # fmt: skip
    result = out.permute(0, 3, 1, 2)
    return result if last else result.contiguous()


def launch_transposed(
    grad: Tensor,
    boxes: Tensor,
    levels: Tensor | None,
    sizes: list[tuple[int, int, int]],
    channels_last: bool,
    g: Geometry,
) -> list[Tensor]:
    """Launch A' g per level: the taps are sorted by pixel, then summed by ``taps_kernel``."""
    out = []
    dtype = accumulate_dtype(grad.dtype)
    c = grad.shape[1]
    work, _ = split_by_level(boxes, levels, None, sizes, g)
    for level, (n, h, w) in enumerate(sizes):
        x = torch.zeros((n, h, w, c), dtype=grad.dtype, device=grad.device)
        written = False
        for each in [each for each in work if each.level == level and x.numel()]:
            chosen = grad if each.place is None else grad[each.place]
            for part, taps in tap_matrices(each.rois, each.tangents, g, level, (n, h, w), dtype):
                rows = chosen[part].permute(0, 2, 3, 1).reshape(-1, c).contiguous()
                index, weight, offsets = by_pixel(taps, n * h * w)
                ends = torch.cat([offsets, offsets.new_full((1,), len(index))])
                into = torch.empty_like(x) if written else x
                written = True
                unit = unit_of(c)
                with launching_on(x):
                    taps_kernel[(n * h * w, -(-c // TRANSPOSED_BLOCK))](
                        rows, index, weight, ends, into, c // unit,
                        UNIT=unit, BLOCK=TRANSPOSED_BLOCK, UNROLL=4, num_warps=1,
                    )  # fmt: skip
                if into is not x:
                    x += into
        result = x.permute(0, 3, 1, 2)
        out.append(result if channels_last else result.contiguous())
    return out


def unit_of(channels: int) -> int:
    """Return how many neighbouring channels a kernel may count on."""
    return 4 if channels % 4 == 0 else 1


def launching_on(x: Tensor) -> AbstractContextManager[Any]:
    """Return a context in which Triton launches on the device of ``x``, not on the current one."""
    # Not annotated in torch.
    guard: Any = torch.cuda.device
    return guard(x.device) if x.is_cuda else nullcontext()


def _fused(g: Geometry, choice: Any, tangents: Any, levels: int) -> bool:
    return g.mode == "avg" and choice is None and tangents is None and levels <= LEVELS


def roi_align(features: list[Tensor], boxes: Tensor, levels: Any, choice: Any, tangents: Any, *rest: Any) -> Tensor:
    """Compute ``archlab::roi_align`` on CUDA."""
    g = Geometry.from_arguments(*rest)
    if _fused(g, choice, tangents, len(features)):
        kernels.check_call(boxes, levels, len(features), g)
        return launch_align(features, boxes, levels, g)
    return kernels.roi_align(features, boxes, levels, choice, tangents, *rest)


def roi_align_transposed(
    grad: Tensor,
    boxes: Tensor,
    levels: Any,
    choice: Any,
    tangents: Any,
    sizes: Sequence[int],
    last: bool,
    *rest: Any,
) -> list[Tensor]:
    """Compute ``archlab::roi_align_transposed`` on CUDA."""
    g = Geometry.from_arguments(*rest)
    triples = size_triples(sizes)
    if _fused(g, choice, tangents, len(triples)):
        kernels.check_call(boxes, levels, len(triples), g)
        return launch_transposed(grad, boxes, levels, triples, last, g)
    return kernels.roi_align_transposed(grad, boxes, levels, choice, tangents, sizes, last, *rest)
