"""The RoI benchmark's lines on a GPU."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import Tensor

from archlab.roi import MultiScaleRoIAlign, roi_align
from benchmarks.roi_cases import CHANNELS, HEIGHT, NAMES, STRIDES, WIDTH, Line, boxes


def cuda_lines(repeat: int) -> list[Line]:
    """Compare several levels and one, forward and backward, three dtypes, against torchvision's CUDA kernels."""
    lines = []
    shapes = [(HEIGHT * 4, WIDTH * 4)] * 2
    rois = boxes(2000, 2).cuda()
    lists = [rois[rois[:, 0] == image, 1:] for image in range(2)]
    them, us = torchvision.ops.MultiScaleRoIAlign(list(NAMES), 7, 2), MultiScaleRoIAlign(NAMES, 7, 2)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        # torchvision has no bfloat16: it is compared with itself in float16.
        peer = torch.float16 if dtype == torch.bfloat16 else dtype
        for layout, label in ((torch.channels_last, "channels_last"), (torch.contiguous_format, "nchw")):
            ours = {
                name: torch.randn(2, CHANNELS, HEIGHT * 4 // s, WIDTH * 4 // s, device="cuda", dtype=dtype)
                .contiguous(memory_format=layout)
                .requires_grad_()
                for name, s in zip(NAMES, STRIDES, strict=True)
            }
            theirs = {n: x.detach().to(peer).contiguous().requires_grad_() for n, x in ours.items()}
            typed = [each.to(peer) for each in lists]
            there, here = them(theirs, typed, shapes), us(ours, lists, shapes)
            kind = f"{str(dtype).removeprefix('torch.')}_{label}"
            pixels = sum(x.numel() for x in ours.values())
            size = (here.numel() + pixels) * here.element_size()
            grad = torch.randn_like(here)
            for name, a, b in (
                (
                    "multilevel",
                    lambda x=theirs, y=typed: them(x, y, shapes),
                    lambda x=ours: us(x, lists, shapes),
                ),
                (
                    "backward",
                    lambda o=there, x=theirs, g=grad, p=peer: torch.autograd.grad(
                        o, list(x.values()), g.to(p), retain_graph=True
                    )[0],
                    lambda o=here, x=ours, g=grad: torch.autograd.grad(o, list(x.values()), g, retain_graph=True)[0],
                ),
                (
                    "forward",
                    lambda x=theirs, p=peer: torchvision.ops.roi_align(x["p2"], rois.to(p), 7, 0.25, 2),
                    lambda x=ours: roi_align(x["p2"], rois, 7, 0.25, 2),
                ),
            ):
                lines.append(_cuda_line(f"{name}_{kind}", a, b, repeat, size))
    return lines


def _cuda_line(key: str, theirs: Callable[[], Tensor], ours: Callable[[], Tensor], repeat: int, size: int) -> Line:
    # Not annotated in torch.
    event: Any = torch.cuda.Event

    def milliseconds(run: Callable[[], Tensor]) -> float:
        start, end = (event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end))

    difference = float((theirs().float() - ours().float()).abs().max())
    pairs = [(milliseconds(theirs), milliseconds(ours)) for _ in range(repeat + 3)][3:]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    source = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    copy = statistics.median(milliseconds(source.clone) for _ in range(repeat))
    rate = 2 * source.numel() / copy
    return Line(key, key, 0, round(a, 4), round(b, 4), round(a / b, 2), round(b / (size / rate), 2), difference)
