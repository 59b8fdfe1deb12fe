"""What the RoI benchmark runs: pyramids, boxes, and the pairs of calls that are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor

from archlab.roi import MultiScaleRoIAlign, roi_align

CHANNELS, HEIGHT, WIDTH = 256, 200, 272
STRIDES = (4, 8, 16, 32)
NAMES = ("p2", "p3", "p4", "p5")


@dataclass(frozen=True)
class Case:
    """One line of the table: two ways to the same result."""

    name: str
    key: str
    theirs: Callable[[], Tensor]
    ours: Callable[[], Tensor]
    moved_bytes: int


@dataclass(frozen=True)
class Line:
    """A case measured: milliseconds, their ratio, and how far ours is from a plain copy of as many bytes."""

    name: str
    key: str
    threads: int
    theirs_ms: float
    ours_ms: float
    ratio: float
    times_copy: float
    max_difference: float


def boxes(count: int, images: int = 1, seed: int = 1) -> Tensor:
    """Return (K, 5) boxes of an 800x1088 image: sizes log-uniform from 16 to 512 pixels, aspects from 1:2 to 2:1."""
    generator = torch.Generator().manual_seed(seed)
    size = 16 * 32 ** torch.rand(count, generator=generator)
    aspect = 2 ** (torch.rand(count, generator=generator) - 0.5)
    centre = torch.rand(count, 2, generator=generator) * torch.tensor([WIDTH * 4.0, HEIGHT * 4.0])
    half = torch.stack([size * aspect, size / aspect], 1) / 2
    limit = torch.tensor([WIDTH * 4.0, HEIGHT * 4.0])
    corners = torch.cat([(centre - half).clamp(min=0), torch.minimum(centre + half, limit)], 1)
    image = torch.arange(count) % images
    return torch.cat([image[:, None].float(), corners], 1)


def single_level(layout: torch.memory_format, label: str) -> list[Case]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, CHANNELS, HEIGHT, WIDTH, generator=generator)
    ours = x.contiguous(memory_format=layout)
    cases = []
    for count, bins, sampling in ((512, 7, 2), (1000, 7, 2), (512, 14, 2), (512, 7, -1)):
        rois = boxes(count)
        kind = "adaptive" if sampling < 0 else "forward"
        cases.append(
            Case(
                f"{kind} {count} RoIs {bins}x{bins}, {label}",
                f"{kind}_{label}",
                lambda rois=rois, p=bins, s=sampling: torchvision.ops.roi_align(x, rois, p, 0.25, s, True),  # type: ignore[misc]
                lambda rois=rois, p=bins, s=sampling: roi_align(ours, rois, p, 0.25, s, True),  # type: ignore[misc]
                4 * (count * CHANNELS * bins**2 + x.numel()),
            )
        )
    rois = boxes(512)
    leaf, moved = x.clone().requires_grad_(), ours.clone().requires_grad_()
    there = torchvision.ops.roi_align(leaf, rois, 7, 0.25, 2, True)
    here = roi_align(moved, rois, 7, 0.25, 2, True)
    grad = torch.randn(there.shape, generator=generator)
    mine = grad.contiguous(memory_format=layout)
    cases.append(
        Case(
            f"backward 512 RoIs 7x7, {label}",
            f"backward_{label}",
            lambda: torch.autograd.grad(there, leaf, grad, retain_graph=True)[0],
            lambda: torch.autograd.grad(here, moved, mine, retain_graph=True)[0],
            4 * (there.numel() + x.numel()),
        )
    )
    return cases


def multilevel(layout: torch.memory_format, label: str) -> list[Case]:
    generator = torch.Generator().manual_seed(0)
    theirs = {
        name: torch.randn(1, CHANNELS, HEIGHT * 4 // s, WIDTH * 4 // s, generator=generator)
        for name, s in zip(NAMES, STRIDES, strict=True)
    }
    ours = {name: x.contiguous(memory_format=layout) for name, x in theirs.items()}
    rois = boxes(1000)
    shapes = [(HEIGHT * 4, WIDTH * 4)]
    them = torchvision.ops.MultiScaleRoIAlign(list(NAMES), 7, 2)
    us = MultiScaleRoIAlign(NAMES, 7, 2)
    pixels = sum(x.numel() for x in theirs.values())
    return [
        Case(
            f"4 levels, 1000 RoIs 7x7, {label}",
            f"multilevel_{label}",
            lambda: them(theirs, [rois[:, 1:]], shapes),
            lambda: us(ours, [rois[:, 1:]], shapes),
            4 * (1000 * CHANNELS * 49 + pixels),
        )
    ]
