"""RoI align beside torchvision's: same inputs, same threads, in turns, medians, and the largest difference.

    python -m benchmarks.roi [--device cpu|cuda] [--threads 1 2] [--repeat N] [--json] [--out FILE]

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
from dataclasses import asdict
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
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks.roi", *sys.argv[1:]], os.environ | _ENVIRONMENT)

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from archlab.roi import roi_align  # noqa: E402
from benchmarks.machine import machine, versions  # noqa: E402
from benchmarks.roi_cases import CHANNELS, HEIGHT, WIDTH, Case, Line, boxes, multilevel, single_level  # noqa: E402
from benchmarks.roi_cuda import cuda_lines  # noqa: E402

TARGETS = {
    "forward_channels_last": 20.0,
    "forward_nchw": 6.0,
    "multilevel_channels_last": 13.0,
    "adaptive_channels_last": 10.0,
    "backward_channels_last": 12.0,
}


def cpu_milliseconds(run: Callable[[], Tensor]) -> float:
    start = time.process_time()
    run()
    return (time.process_time() - start) * 1e3


def copy_rate(threads: int) -> float:
    """Return bytes of memory traffic per millisecond of CPU time, reading and writing, of a plain copy."""
    torch.set_num_threads(threads)
    source = torch.ones(64 << 20)
    target = torch.empty_like(source)
    target.copy_(source)
    times = [cpu_milliseconds(lambda: target.copy_(source)) for _ in range(5)]
    return 2 * source.numel() * 4 / statistics.median(times)


def measure(case: Case, threads: int, repeat: int, rate: float) -> Line:
    """Run both in turns, so that whatever disturbs the machine disturbs both."""
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
    """Return what a forward holds at most beyond inputs and output, as torch's profiler counts allocations."""
    out = {}
    x = torch.randn(1, CHANNELS, HEIGHT, WIDTH)
    from archlab.roi.geometry import checked_geometry
    from archlab.roi.tap_matrix import tap_matrices

    rois = boxes(512)
    for label, layout in (("channels_last", torch.channels_last), ("nchw", torch.contiguous_format)):
        y = x.contiguous(memory_format=layout)
        for bins, sampling in ((7, 2), (14, 2), (7, -1)):
            g = checked_geometry([0.25], bins, sampling, True, "avg")
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


def ratios(lines: list[Line]) -> dict[str, float]:
    """Return, per key, the median over its cases and thread counts."""
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
