"""What the RoI benchmark runs on CPU: boxes, and calls that are compared, over a grid and for the headlines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torchvision
from torch import Tensor

from archlab.roi import MultiScaleRoIAlign, assign_levels, roi_align, roi_pool
from benchmarks.roi_copy import distinct_pixels

CHANNELS, HEIGHT, WIDTH = 256, 200, 272
STRIDES = (4, 8, 16, 32)
NAMES = ("p2", "p3", "p4", "p5")
COUNTS = (1, 4, 16, 64, 256, 1000)
MAPS = ((14, 14), (50, 68), (200, 272))
LAYOUTS = {"channels_last": torch.channels_last, "nchw": torch.contiguous_format}

Call = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One result, computed by torchvision from NCHW, which it is made for, and by archlab from either layout.

    ``copied`` counts the bytes that a copy would move: every distinct pixel of every RoI, and the output; in a backward
    each pixel twice, as it is read and written. 0 where it is not asked.
    """

    name: str
    theirs: Call | None
    ours: dict[str, Call]
    copied: int = 0


@dataclass(frozen=True)
class Line:
    """A case measured on a GPU: milliseconds, their ratio, and how far ours is from a plain copy of as many bytes."""

    name: str
    key: str
    threads: int
    theirs_ms: float
    ours_ms: float
    ratio: float
    times_copy: float
    max_difference: float


def boxes(count: int, images: int = 1, seed: int = 1, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """Return (K, 5) boxes of an image four times a map's size: sizes log-uniform from 16 to 512 pixels, clipped to it,
    aspects from 1:2 to 2:1.
    """
    generator = torch.Generator().manual_seed(seed)
    size = 16 * 32 ** torch.rand(count, generator=generator)
    aspect = 2 ** (torch.rand(count, generator=generator) - 0.5)
    limit = torch.tensor([width * 4.0, height * 4.0])
    centre = torch.rand(count, 2, generator=generator) * limit
    half = torch.stack([size * aspect, size / aspect], 1) / 2
    corners = torch.cat([(centre - half).clamp(min=0), torch.minimum(centre + half, limit)], 1)
    image = torch.arange(count) % images
    return torch.cat([image[:, None].float(), corners], 1)


def single_level(
    count: int, bins: int, sampling: int, mode: str, size: tuple[int, int], copied: bool
) -> Iterator[Case]:
    """Yield the forward, and the backward where torchvision has one."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, CHANNELS, *size, generator=generator)
    rois = boxes(count, height=size[0], width=size[1])
    what = {"avg": "adaptive" if sampling < 0 else "avg"}.get(mode, mode)
    name = f"{what} {count} RoIs {bins}x{bins} of {size[0]}x{size[1]}"

    def theirs(x: Tensor) -> Any:
        if mode == "pool":
            return torchvision.ops.roi_pool(x, rois, bins, 0.25)
        return torchvision.ops.roi_align(x, rois, bins, 0.25, sampling, True)

    def ours(x: Tensor) -> Tensor:
        if mode == "pool":
            return roi_pool(x, rois, bins, 0.25)
        return roi_align(x, rois, bins, 0.25, sampling, True, mode)

    pixels = distinct_pixels(rois, size, 0.25, bins, sampling) if copied else 0
    outputs = count * bins * bins if copied else 0
    maps = {label: x.contiguous(memory_format=layout) for label, layout in LAYOUTS.items()}
    calls: dict[str, Call] = {label: partial(ours, y) for label, y in maps.items()}
    peer = mode in ("avg", "pool")
    yield Case(f"forward {name}", (lambda: theirs(x)) if peer else None, calls, 4 * CHANNELS * (pixels + outputs))
    if peer:
        yield _backward(name, theirs, ours, {"": x}, 4 * CHANNELS * (2 * pixels + outputs))


def _backward(name: str, theirs: Any, ours: Any, maps: dict[str, Tensor], copied: int) -> Case:
    calls: dict[str, Call] = {}
    for label, layout in {"theirs": torch.contiguous_format, **LAYOUTS}.items():
        leaves = {n: x.contiguous(memory_format=layout).requires_grad_() for n, x in maps.items()}
        out = (theirs if label == "theirs" else ours)(leaves if len(maps) > 1 else next(iter(leaves.values())))
        grad = torch.ones_like(out)
        calls[label] = partial(torch.autograd.grad, out, list(leaves.values()), grad, retain_graph=True)
    return Case(f"backward {name}", calls.pop("theirs"), calls, copied)


def multilevel(count: int, copied: bool) -> Iterator[Case]:
    """Yield RoI align over four levels, forward and backward."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(HEIGHT * 4 // s, WIDTH * 4 // s) for s in STRIDES]
    maps = {n: torch.randn(1, CHANNELS, *size, generator=generator) for n, size in zip(NAMES, sizes, strict=True)}
    rois, shapes = boxes(count), [(HEIGHT * 4, WIDTH * 4)]
    them: Any = torchvision.ops.MultiScaleRoIAlign(list(NAMES), 7, 2)
    us = MultiScaleRoIAlign(NAMES, 7, 2)

    def theirs(x: dict[str, Tensor]) -> Any:
        return them(x, [rois[:, 1:]], shapes)

    def ours(x: dict[str, Tensor]) -> Any:
        return us(x, [rois[:, 1:]], shapes)

    levels = assign_levels(rois, 2, 5)
    pixels = sum(
        distinct_pixels(rois[levels == i], size, 1 / s, 7, 2, aligned=False)
        for i, (size, s) in enumerate(zip(sizes, STRIDES, strict=True))
    ) if copied else 0  # fmt: skip
    outputs = count * 49 if copied else 0
    laid = {label: {n: x.contiguous(memory_format=f) for n, x in maps.items()} for label, f in LAYOUTS.items()}
    calls: dict[str, Call] = {label: partial(ours, y) for label, y in laid.items()}
    name = f"4 levels {count} RoIs 7x7"
    yield Case(f"forward {name}", lambda: theirs(maps), calls, 4 * CHANNELS * (pixels + outputs))
    yield _backward(name, theirs, ours, maps, 4 * CHANNELS * (2 * pixels + outputs))


def grid() -> Iterator[Case]:
    """Yield every case of the grid: RoIs, maps, modes, forward and backward."""
    for count in COUNTS:
        for size in MAPS:
            for mode, sampling in (("avg", 2), ("avg", -1), ("pool", 0), ("max", 2), ("onnx_max", 2)):
                yield from single_level(count, 7, sampling, mode, size, False)
        yield from multilevel(count, False)


def headlines() -> Iterator[Case]:
    """Yield the cases that are held against a copy."""
    size = (HEIGHT, WIDTH)
    yield from single_level(512, 7, 2, "avg", size, True)
    yield next(single_level(1000, 7, 2, "avg", size, True))
    yield next(single_level(512, 14, 2, "avg", size, True))
    yield next(single_level(512, 7, -1, "avg", size, True))
    yield next(multilevel(1000, True))
