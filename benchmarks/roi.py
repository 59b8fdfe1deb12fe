"""RoI align beside torchvision's: same inputs, same threads, in turns, medians, and the largest difference.

    python benchmarks/roi.py [--device cpu|cuda] [--threads 1 2] [--repeat N] [--json] [--out FILE]

On CPU the figure is CPU time, which other processes on the machine disturb less than the clock. On CUDA it is
the time between events on the device. ``--json`` prints the record on stdout; the table goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Spinning threads and page faults (fresh pages for every large tensor) would drown the difference, for both
# sides: set before torch starts its threads.
_ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
if __name__ == "__main__" and any(os.environ.get(k) != v for k, v in _ENVIRONMENT.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | _ENVIRONMENT)

import torch  # noqa: E402
import torchvision  # noqa: E402
from torch import Tensor  # noqa: E402

from archlab.roi import MultiScaleRoIAlign, roi_align  # noqa: E402
from benchmarks.machine import machine, versions  # noqa: E402

CHANNELS, HEIGHT, WIDTH = 256, 200, 272
STRIDES = (4, 8, 16, 32)
NAMES = ("p2", "p3", "p4", "p5")
TARGETS = {
    "forward_channels_last": 20.0,
    "forward_nchw": 6.0,
    "multilevel_channels_last": 13.0,
    "adaptive_channels_last": 10.0,
    "backward_channels_last": 12.0,
}


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
    """(K, 5) boxes of an 800x1088 image: sizes log-uniform from 16 to 512 pixels, aspects from 1:2 to 2:1."""
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


def cpu_milliseconds(run: Callable[[], Tensor]) -> float:
    start = time.process_time()
    run()
    return (time.process_time() - start) * 1e3


def copy_rate(threads: int) -> float:
    """Bytes of memory traffic a millisecond of CPU time, reading and writing, of a plain copy."""
    torch.set_num_threads(threads)
    source = torch.ones(64 << 20)
    target = torch.empty_like(source)
    target.copy_(source)
    times = [cpu_milliseconds(lambda: target.copy_(source)) for _ in range(5)]
    return 2 * source.numel() * 4 / statistics.median(times)


def measure(case: Case, threads: int, repeat: int, rate: float) -> Line:
    """Both in turns, so that whatever disturbs the machine disturbs both."""
    torch.set_num_threads(threads)
    difference = float((case.theirs() - case.ours()).abs().max())
    case.ours()
    pairs = [(cpu_milliseconds(case.theirs), cpu_milliseconds(case.ours)) for _ in range(repeat)]
    theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Line(
        case.name,
        case.key,
        threads,
        round(theirs, 3),
        round(ours, 3),
        round(theirs / ours, 2),
        round(ours / (case.moved_bytes / rate), 2),
        difference,
    )


def peak_extra_bytes() -> dict[str, dict[str, float]]:
    """What a forward holds at most beyond inputs and output, as torch's profiler counts allocations."""
    out = {}
    x = torch.randn(1, CHANNELS, HEIGHT, WIDTH)
    from archlab.roi.geometry import geometry
    from archlab.roi.taps import tap_matrices

    rois = boxes(512)
    for label, layout in (("channels_last", torch.channels_last), ("nchw", torch.contiguous_format)):
        y = x.contiguous(memory_format=layout)
        for bins, sampling in ((7, 2), (14, 2), (7, -1)):
            g = geometry([0.25], bins, sampling, True, "avg")
            none = rois.new_zeros(0, len(rois), 4)
            size = (1, HEIGHT, WIDTH)
            taps = sum(len(m.index) for _, m in tap_matrices(rois, none, g, 0, size, torch.float32))
            with torch.profiler.profile(profile_memory=True) as profile:
                result = roi_align(y, rois, bins, 0.25, sampling, True)
            held = peak = 0
            for event in profile.profiler.kineto_results.events():
                if event.name() == "[memory]":
                    held += event.nbytes()
                    peak = max(peak, held)
            output = result.numel() * 4
            out[f"{bins}x{bins} sampling {sampling}, {label}"] = {
                "output_MiB": round(output / 2**20, 1),
                "taps": taps,
                "extra_MiB": round((peak - output) / 2**20, 1),
                "bound_MiB": round((2 * output + 16 * taps) / 2**20, 1),
            }
            del result
    return out


def cuda_lines(repeat: int) -> list[Line]:
    """Several levels and one, forward and backward, three dtypes, against torchvision's CUDA kernels."""
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


def ratios(lines: list[Line]) -> dict[str, float]:
    """Per key, the median over its cases and thread counts."""
    keys = dict.fromkeys(line.key for line in lines)
    return {key: round(statistics.median(li.ratio for li in lines if li.key == key), 2) for key in keys}


def main() -> int:
    parser = argparse.ArgumentParser(description="RoI align beside torchvision's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the record on stdout")
    parser.add_argument("--out", type=Path, help="write the record to a file as well")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device here: GPU speed stays unmeasured", file=sys.stderr)
        return 1
    record: dict[str, Any] = {
        "device": options.device,
        "machine": machine(),
        "versions": versions("torch", "torchvision"),
        "unit": "milliseconds of CPU time" if options.device == "cpu" else "milliseconds on the device",
    }
    lines: list[Line] = []
    if options.device == "cuda":
        record["machine"]["gpu"] = torch.cuda.get_device_name()
        lines = cuda_lines(options.repeat)
    else:
        layouts = ((torch.channels_last, "channels_last"), (torch.contiguous_format, "nchw"))
        cases = [c for layout, label in layouts for c in (*single_level(layout, label), *multilevel(layout, label))]
        for threads in options.threads:
            rate = copy_rate(threads)
            record.setdefault("copy_GB_per_s_of_cpu_time", {})[str(threads)] = round(rate / 1e6, 2)
            for case in cases:
                lines.append(measure(case, threads, options.repeat, rate))
                _print(lines[-1])
        record["peak_memory"] = peak_extra_bytes()
    record["ratios"] = ratios(lines)
    record["targets"] = TARGETS if options.device == "cpu" else {}
    record["lines"] = [asdict(line) for line in lines]
    if options.device == "cuda":
        for line in lines:
            _print(line)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    if options.json:
        print(text)
    return 0


def _print(line: Line) -> None:
    print(
        f"{line.name:42} {line.threads} threads  torchvision {line.theirs_ms:9.2f} ms"
        f"  archlab {line.ours_ms:8.2f} ms  {line.ratio:6.1f}x"
        f"  {line.times_copy:5.1f}x a copy  difference {line.max_difference:.1e}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
